/* Preloaded into a server under test: fails writes and syncs of one file as a sick disk would.
   It is told what to fail by the file that SICK_DISK names: "write|sync <end of the path> <errno> <times>"; it never writes. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char last[256];
static long failed;

static int sick(const char *operation, int fd) {
    const char *file = getenv("SICK_DISK");
    if (!file) return 0;
    int rules = open(file, O_RDONLY | O_CLOEXEC);
    if (rules < 0) return 0;
    char rule[256];
    ssize_t length = read(rules, rule, sizeof rule - 1);
    close(rules);
    if (length <= 0) return 0;
    rule[length] = 0;
    char what[16], end[128], link[64], path[4096];
    int error;
    long times;
    if (sscanf(rule, "%15s %127s %d %ld", what, end, &error, &times) != 4 || strcmp(what, operation)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n <= 0) return 0;
    path[n] = 0;
    size_t suffix = strlen(end);
    if ((size_t)n < suffix || strcmp(path + n - suffix, end)) return 0;
    pthread_mutex_lock(&lock);
    if (strcmp(last, rule)) {
        strcpy(last, rule);
        failed = 0;
    }
    int fails = failed < times;
    failed += fails;
    pthread_mutex_unlock(&lock);
    return fails ? error : 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define FAIL_IF_SICK(operation, fd) \
    do { \
        int saved = errno; \
        int error = sick(operation, fd); \
        errno = saved; \
        if (error) { \
            errno = error; \
            return -1; \
        } \
    } while (0)

ssize_t write(int fd, const void *bytes, size_t count) {
    FAIL_IF_SICK("write", fd);
    return REAL(write)(fd, bytes, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    FAIL_IF_SICK("write", fd);
    return REAL(pwrite)(fd, bytes, count, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    FAIL_IF_SICK("write", fd);
    return REAL(pwrite64)(fd, bytes, count, at);
}

int fsync(int fd) {
    FAIL_IF_SICK("sync", fd);
    return REAL(fsync)(fd);
}

int fdatasync(int fd) {
    FAIL_IF_SICK("sync", fd);
    return REAL(fdatasync)(fd);
}
