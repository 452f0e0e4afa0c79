/* SPDX-License-Identifier: Apache-2.0
 *
 * Every system call of the library. File calls pass through os_fault(), which counts them and
 * lets a test make the nth fail; its two counters are the only mutable state outside a context,
 * and stay 0 in programs that do not test.
 */
#define _GNU_SOURCE 1 /* sched_getaffinity; must precede every header */
#include "base/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static atomic_int os_count, os_fail_nth, os_fail_error;

void oddi_os_fail_at(int nth, int error)
{
    atomic_store(&os_fail_nth, 0);
    atomic_store(&os_fail_error, error);
    atomic_store(&os_count, 0);
    atomic_store(&os_fail_nth, nth);
}

int oddi_os_calls(void)
{
    return atomic_load(&os_count);
}

/* 0, or the error that this call is to fail with. */
static int os_fault(void)
{
    int nth = atomic_fetch_add_explicit(&os_count, 1, memory_order_relaxed) + 1;
    int wanted = atomic_load_explicit(&os_fail_nth, memory_order_relaxed);
    return wanted != 0 && nth == wanted ? atomic_load(&os_fail_error) : 0;
}

static enum oddi_file_kind os_kind(mode_t mode)
{
    if (S_ISREG(mode))
        return ODDI_FILE_REGULAR;
    return S_ISDIR(mode) ? ODDI_FILE_FOLDER : ODDI_FILE_OTHER;
}

int oddi_os_stat(const char *path, struct oddi_stat *st)
{
    struct stat found;
    int error = os_fault();
    if (error)
        return error;
    if (stat(path, &found) != 0)
        return errno;
    st->kind = os_kind(found.st_mode);
    st->size = found.st_size > 0 ? (uint64_t)found.st_size : 0;
    st->mtime_ns = (int64_t)found.st_mtim.tv_sec * 1000000000 + found.st_mtim.tv_nsec;
    return 0;
}

static int os_open(const char *path, int flags, int *fd)
{
    int opened;
    do
        opened = open(path, flags | O_CLOEXEC, 0666);
    while (opened < 0 && errno == EINTR);
    if (opened < 0)
        return errno;
    *fd = opened;
    return 0;
}

/* A regular file open for reading, and what fstat says of it. O_NONBLOCK: opening a named pipe
 * must not wait for a writer; on regular files it does nothing. */
static int os_open_regular(const char *path, int *fd, struct stat *st)
{
    int opened = -1, error = os_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, &opened);
    if (error)
        return error;
    if (fstat(opened, st) != 0)
        error = errno;
    else if (!S_ISREG(st->st_mode))
        error = S_ISDIR(st->st_mode) ? EISDIR : EINVAL;
    if (error) {
        close(opened);
        return error;
    }
    *fd = opened;
    return 0;
}

int oddi_os_open_read(const char *path, int *fd)
{
    struct stat st;
    int error = os_fault();
    return error ? error : os_open_regular(path, fd, &st);
}

int oddi_os_create(const char *path, int *fd)
{
    int error = os_fault();
    return error ? error : os_open(path, O_WRONLY | O_CREAT | O_EXCL, fd);
}

int oddi_os_read(int fd, void *data, size_t size, size_t *got)
{
    size_t done = 0;
    int error = os_fault();
    if (error)
        return error;
    while (done < size) {
        ssize_t part = read(fd, (char *)data + done, size - done);
        if (part < 0 && errno == EINTR)
            continue;
        if (part < 0)
            return errno;
        if (part == 0)
            break;
        done += (size_t)part;
    }
    *got = done;
    return 0;
}

int oddi_os_pread(int fd, void *data, size_t size, uint64_t offset, size_t *got)
{
    size_t done = 0;
    int error = os_fault();
    if (error)
        return error;
    while (done < size) {
        ssize_t part = pread(fd, (char *)data + done, size - done, (off_t)(offset + done));
        if (part < 0 && errno == EINTR)
            continue;
        if (part < 0)
            return errno;
        if (part == 0)
            break;
        done += (size_t)part;
    }
    *got = done;
    return 0;
}

int oddi_os_write(int fd, const void *data, size_t size)
{
    size_t done = 0;
    int error = os_fault();
    if (error)
        return error;
    while (done < size) {
        ssize_t part = write(fd, (const char *)data + done, size - done);
        if (part < 0 && errno == EINTR)
            continue;
        if (part < 0)
            return errno;
        if (part == 0)
            return ENOSPC;
        done += (size_t)part;
    }
    return 0;
}

static int os_sync_fd(int fd)
{
    int result;
    do
        result = fsync(fd);
    while (result != 0 && errno == EINTR);
    /* Some file systems cannot sync this kind of object; there is nothing to wait for then. */
    return result == 0 || errno == EINVAL || errno == ENOTSUP ? 0 : errno;
}

int oddi_os_sync(int fd)
{
    int error = os_fault();
    return error ? error : os_sync_fd(fd);
}

int oddi_os_sync_folder(const char *folder)
{
    int fd = -1, error = os_fault();
    if (!error)
        error = os_open(folder, O_RDONLY | O_DIRECTORY, &fd);
    if (error)
        return error;
    error = os_sync_fd(fd);
    close(fd);
    return error;
}

/* The descriptor is gone whatever is returned, also after EINTR (Linux) and a made fault. */
int oddi_os_close(int fd)
{
    int error = os_fault();
    if (close(fd) != 0 && errno != EINTR && !error)
        error = errno;
    return error;
}

int oddi_os_rename(const char *from, const char *to)
{
    int error = os_fault();
    if (error)
        return error;
    return rename(from, to) == 0 ? 0 : errno;
}

int oddi_os_unlink(const char *path)
{
    int error = os_fault();
    if (error)
        return error;
    return unlink(path) == 0 ? 0 : errno;
}

int oddi_os_mkdir(const char *path)
{
    struct stat st;
    int error = os_fault();
    if (error)
        return error;
    if (mkdir(path, 0777) == 0)
        return 0;
    error = errno;
    /* Existing folders answer EEXIST, or EROFS and EACCES where nothing could be made. */
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? 0 : error;
}

int oddi_os_map(const char *path, const unsigned char **data, size_t *size)
{
    struct stat st;
    int fd = -1, error = os_fault();
    if (!error)
        error = os_open_regular(path, &fd, &st);
    if (error)
        return error;
    static const unsigned char empty[1] = {0};
    void *mapped = (void *)empty; /* an empty file cannot be mapped */
    if ((uintmax_t)st.st_size > (uintmax_t)PTRDIFF_MAX)
        error = EFBIG;
    else if (st.st_size > 0)
        mapped = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (mapped == MAP_FAILED)
        error = errno;
    close(fd);
    if (error)
        return error;
    *data = mapped;
    *size = (size_t)st.st_size;
    return 0;
}

void oddi_os_unmap(const unsigned char *data, size_t size)
{
    if (size)
        munmap((void *)data, size);
}

int oddi_os_list(const char *folder, int (*fn)(void *user, const char *name), void *user)
{
    int error = os_fault();
    if (error)
        return error;
    DIR *dir = opendir(folder);
    if (!dir)
        return errno;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry) {
            error = errno;
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (fn(user, entry->d_name))
            break;
    }
    closedir(dir);
    return error;
}

uint64_t oddi_os_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int64_t oddi_os_utc_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec;
}

void oddi_os_sleep_ns(uint64_t ns)
{
    struct timespec left = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

/* Whole processors that the control group's quota leaves ("QUOTA PERIOD" or "max PERIOD", in
 * microseconds), or INT_MAX: a container on a large machine must not start a thread per core. */
static int os_quota(void)
{
    char text[64];
    size_t got = 0;
    int fd = -1;
    if (os_open("/sys/fs/cgroup/cpu.max", O_RDONLY, &fd) != 0)
        return INT_MAX;
    ssize_t part = read(fd, text, sizeof text - 1);
    close(fd);
    if (part > 0)
        got = (size_t)part;
    text[got] = '\0';
    char *end;
    long long quota = strtoll(text, &end, 10);
    if (end == text || quota <= 0)
        return INT_MAX;
    long long period = strtoll(end, NULL, 10);
    if (period <= 0 || quota / period >= INT_MAX)
        return INT_MAX;
    return (int)((quota + period - 1) / period);
}

int oddi_os_cores(void)
{
    cpu_set_t set;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0) /* fails on more than 1024 processors */
        cores = CPU_COUNT(&set);
    int quota = os_quota();
    if (cores > quota)
        cores = quota;
    return cores < 1 ? 1 : (int)cores;
}

uint64_t oddi_os_memory_bytes(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
}

uint64_t oddi_os_peak_rss_bytes(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0;
    return (uint64_t)usage.ru_maxrss * 1024u;
}

int oddi_os_pid(void)
{
    return (int)getpid();
}

void oddi_os_advise_huge(void *data, size_t size)
{
#ifdef MADV_HUGEPAGE
    const uintptr_t huge = (uintptr_t)2 << 20;
    uintptr_t first = ((uintptr_t)data + huge - 1) / huge * huge;
    uintptr_t end = ((uintptr_t)data + size) / huge * huge;
    if (first < end)
        (void)madvise((void *)first, end - first, MADV_HUGEPAGE);
#else
    (void)data;
    (void)size;
#endif
}
