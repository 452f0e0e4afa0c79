/* SPDX-License-Identifier: Apache-2.0
 *
 * What is set once for the whole process, before libvips's first use: loaders that it calls
 * untrusted are blocked, its operation cache is off, it computes in one thread (pictures are what
 * we are parallel over), and its warnings go nowhere (a library does not print).
 *
 * libvips describes failures in one buffer for all threads. To hear the reason of one failure, a
 * failed job runs once more while nothing else is in libvips: jobs are the readers of a lock, the
 * second run is its writer. Failures are rare, and the message is the same in every run.
 *
 * libvips and GLib allocate with the C library and end the process when small allocations fail.
 */
#include "image/vendor.h"

#include <stdio.h>
#include <string.h>

static GRWLock vendor_lock;

static void vendor_silence(const gchar *domain, GLogLevelFlags level, const gchar *text,
                           gpointer user)
{
    (void)domain;
    (void)level;
    (void)text;
    (void)user;
}

static bool vendor_start(void)
{
    static gsize started; /* 1 worked, 2 failed */
    if (g_once_init_enter(&started)) {
        bool worked = VIPS_INIT("oddity") == 0;
        if (worked) {
            vips_block_untrusted_set(TRUE);
            vips_cache_set_max(0);
            vips_concurrency_set(1);
            g_log_set_handler("VIPS",
                              G_LOG_LEVEL_WARNING | G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO |
                                  G_LOG_LEVEL_DEBUG,
                              vendor_silence, NULL);
        }
        g_once_init_leave(&started, worked ? 1 : 2);
    }
    return started == 1;
}

/* libvips's buffer, emptied, as one line. */
static void vendor_reason(char reason[ODDI_VENDOR_REASON])
{
    char *text = vips_error_buffer_copy();
    size_t n = strlen(text), used = 0;
    while (n && text[n - 1] == '\n')
        n--;
    for (size_t i = 0; i < n && used + 3 < ODDI_VENDOR_REASON; i++) {
        if (text[i] == '\n')
            reason[used++] = ';';
        reason[used++] = text[i] == '\n' ? ' ' : text[i];
    }
    reason[used] = '\0';
    if (!used)
        snprintf(reason, ODDI_VENDOR_REASON, "libvips gives no reason");
    g_free(text);
}

bool oddi_vendor_run(oddi_vendor_job *job, void *arg, char reason[ODDI_VENDOR_REASON])
{
    if (!vendor_start()) {
        snprintf(reason, ODDI_VENDOR_REASON, "libvips does not start");
        return false;
    }
    g_rw_lock_reader_lock(&vendor_lock);
    bool worked = job(arg);
    g_rw_lock_reader_unlock(&vendor_lock);
    if (worked)
        return true;
    g_rw_lock_writer_lock(&vendor_lock);
    vips_error_clear();
    worked = job(arg);
    if (!worked)
        vendor_reason(reason);
    g_rw_lock_writer_unlock(&vendor_lock);
    return worked;
}
