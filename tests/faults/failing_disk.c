/* Preloaded: from the Nth call on, nothing can be written below a folder: the disk answers EIO. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static long calls;

static int is_below(const char *path) {
    const char *folder = getenv("FAILS_BELOW");
    return folder != NULL && strncmp(path, folder, strlen(folder)) == 0;
}

static int fails(void) {
    const char *after = getenv("FAILS_AFTER");
    if (after == NULL || __sync_fetch_and_add(&calls, 1) < atol(after)) return 0;
    errno = EIO;
    return 1;
}

static int file_fails(int file) {
    char link[64], path[PATH_MAX];
    int before = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = before;
    if (length < 0) return 0;
    path[length] = 0;
    return is_below(path) && fails();
}

#define REAL(type, name, ...) ((type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

ssize_t write(int file, const void *data, size_t size) {
    return file_fails(file) ? -1 : REAL(ssize_t, write, int, const void *, size_t)(file, data, size);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    if (file_fails(file)) return -1;
    return REAL(ssize_t, writev, int, const struct iovec *, int)(file, parts, count);
}

int fsync(int file) {
    return file_fails(file) ? -1 : REAL(int, fsync, int)(file);
}

int rename(const char *from, const char *to) {
    if (is_below(to) && fails()) return -1;
    return REAL(int, rename, const char *, const char *)(from, to);
}
