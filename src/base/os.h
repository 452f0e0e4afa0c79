/* SPDX-License-Identifier: Apache-2.0
 *
 * The operating system, behind one table: os_posix.c is the only file that makes system calls.
 * Tests count the calls and make the Nth fail (oddi_os_fail_at).
 */
#ifndef ODDI_BASE_OS_H
#define ODDI_BASE_OS_H
#include "base/ctx.h"

enum oddi_file_kind { ODDI_FILE_NONE, ODDI_FILE_REGULAR, ODDI_FILE_FOLDER, ODDI_FILE_OTHER };
struct oddi_stat {
    enum oddi_file_kind kind;
    uint64_t size;
    int64_t mtime_ns;
};
/* All return 0 or a positive errno value unless said. */
int oddi_os_stat(const char *path, struct oddi_stat *st);
int oddi_os_open_read(const char *path, int *fd);            /* O_CLOEXEC, refuses non-regular */
int oddi_os_create(const char *path, int *fd);               /* O_CREAT|O_EXCL|O_CLOEXEC, 0666 */
int oddi_os_read(int fd, void *data, size_t size, size_t *got);
int oddi_os_pread(int fd, void *data, size_t size, uint64_t offset, size_t *got);
int oddi_os_write(int fd, const void *data, size_t size);    /* all of it */
int oddi_os_sync(int fd);
int oddi_os_sync_folder(const char *folder);
int oddi_os_close(int fd);
int oddi_os_rename(const char *from, const char *to);
int oddi_os_unlink(const char *path);
int oddi_os_mkdir(const char *path);                         /* 0 also if the folder is there */
int oddi_os_map(const char *path, const unsigned char **data, size_t *size);
void oddi_os_unmap(const unsigned char *data, size_t size);
/* Calls fn for each entry (no "." and ".."), in no order; stops, returning 0, when fn returns
 * nonzero (its reason stays in `user`). */
int oddi_os_list(const char *folder, int (*fn)(void *user, const char *name), void *user);
uint64_t oddi_os_now_ns(void);                               /* monotonic */
int64_t oddi_os_utc_seconds(void);
void oddi_os_sleep_ns(uint64_t ns);
int oddi_os_cores(void);                                     /* available to this process */
uint64_t oddi_os_memory_bytes(void);                         /* physical; 0 unknown */
uint64_t oddi_os_peak_rss_bytes(void);
int oddi_os_pid(void);
void oddi_os_advise_huge(void *data, size_t size);           /* hint; failure is harmless */

/* Fault injection for tests: the nth file call from now fails with `error` (0 switches it off). */
void oddi_os_fail_at(int nth, int error);
/* Calls counted since the last oddi_os_fail_at. */
int oddi_os_calls(void);

struct oddi_thread;
/* 0, or an errno value (no message is written, save for ENOMEM of the allocator). */
int oddi_thread_start(struct odd_context *ctx, void (*fn)(void *arg), void *arg,
                      struct oddi_thread **thread);
void oddi_thread_join(struct odd_context *ctx, struct oddi_thread *thread);
struct oddi_mutex;   /* plain mutex + one condition variable */
struct oddi_mutex *oddi_mutex_new(struct odd_context *ctx);
void oddi_mutex_free(struct odd_context *ctx, struct oddi_mutex *m);
void oddi_mutex_lock(struct oddi_mutex *m);
void oddi_mutex_unlock(struct oddi_mutex *m);
void oddi_mutex_wait(struct oddi_mutex *m);      /* with the lock held */
void oddi_mutex_wake_all(struct oddi_mutex *m);  /* with the lock held */
#endif
