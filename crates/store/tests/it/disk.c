/* Preloaded into a process under test: writes down, in one order, all that it does to the files of a folder, or fails one of the calls.
   It changes no byte that goes to the disk, and knows nothing of what the files mean.

   DISK_ROOT   the folder; shared memory of SQLite (-shm) is left out, since no crash keeps it
   DISK_TOLD   a file beside it that is written down too, and never fails
   DISK_TRACE  where it is written down: per call an operation, lengths, an offset, the path, the bytes
   DISK_FAIL   "<operations> <n> <errno> <times> <short>": of these operations the n-th fails, so many times, first half written if short
   DISK_FIRED  a file that is made when something was failed */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
enum { OURS = 1, TOLD = 2 };

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static int trace = -1;
static long seen, failed;
static int after_short = -1;

static int whose(const char *path) {
    const char *root = getenv("DISK_ROOT"), *told = getenv("DISK_TOLD");
    size_t n = strlen(path);
    if (told && !strcmp(path, told)) return TOLD;
    if (!root || strncmp(path, root, strlen(root))) return 0;
    return n >= 4 && !strcmp(path + n - 4, "-shm") ? 0 : OURS;
}

static int path_of(int fd, char *path, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, size - 1);
    if (n <= 0) return 0;
    path[n] = 0;
    return whose(path);
}

static void all(const void *bytes, size_t n) {
    for (size_t done = 0; done < n;) {
        ssize_t wrote = REAL(write)(trace, (const char *)bytes + done, n - done);
        if (wrote <= 0) abort();
        done += (size_t)wrote;
    }
}

static void note(char operation, const char *path, uint64_t at, const void *bytes, size_t n) {
    const char *name = getenv("DISK_TRACE");
    if (!name) return;
    if (trace < 0 && (trace = REAL(open)(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) < 0) abort();
    uint32_t lengths[2] = {(uint32_t)strlen(path), (uint32_t)n};
    all(&operation, 1);
    all(lengths, sizeof lengths);
    all(&at, sizeof at);
    all(path, lengths[0]);
    all(bytes, n);
}

/* 0, or the error with which this call fails; *half says that it first does a half. */
static int fails(char operation, int fd, int *half) {
    const char *rule = getenv("DISK_FAIL");
    char operations[16];
    long nth, times;
    int error, is_short;
    *half = 0;
    if (!rule || sscanf(rule, "%15s %ld %d %ld %d", operations, &nth, &error, &times, &is_short) != 5) return 0;
    if (!strchr(operations, operation)) return 0;
    if (after_short >= 0 && after_short == fd && operation == 'W') {
        after_short = -1;
        return error;
    }
    if (++seen < nth || failed >= times) return 0;
    failed++;
    const char *fired = getenv("DISK_FIRED");
    if (fired) close(REAL(open)(fired, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    *half = is_short;
    return error;
}

#define ENTER pthread_mutex_lock(&lock)
#define LEAVE(result) \
    do { \
        int saved = errno; \
        pthread_mutex_unlock(&lock); \
        errno = saved; \
        return result; \
    } while (0)
#define FAIL(error) \
    do { \
        errno = error; \
        LEAVE(-1); \
    } while (0)

static ssize_t writing(int fd, const void *bytes, size_t n, off64_t at, int here) {
    char path[4096];
    int saved = errno, half = 0, who = path_of(fd, path, sizeof path), error;
    errno = saved;
    if (!who) return here ? REAL(write)(fd, bytes, n) : REAL(pwrite64)(fd, bytes, n, at);
    ENTER;
    if (who == OURS && (error = fails('W', fd, &half))) {
        if (!half || n < 2) FAIL(error);
        after_short = fd;
        n /= 2;
    }
    ssize_t wrote = here ? REAL(write)(fd, bytes, n) : REAL(pwrite64)(fd, bytes, n, at);
    if (wrote > 0) {
        if (here) at = lseek64(fd, 0, SEEK_CUR) - wrote;
        note('W', path, (uint64_t)at, bytes, (size_t)wrote);
    }
    LEAVE(wrote);
}

ssize_t write(int fd, const void *bytes, size_t n) { return writing(fd, bytes, n, 0, 1); }
ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at) { return writing(fd, bytes, n, at, 0); }
ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at) { return writing(fd, bytes, n, at, 0); }

static ssize_t reading(int fd, void *bytes, size_t n, off64_t at, int here) {
    char path[4096];
    int saved = errno, half, error;
    if (getenv("DISK_FAIL") && path_of(fd, path, sizeof path) == OURS) {
        ENTER;
        if ((error = fails('P', fd, &half))) FAIL(error);
        pthread_mutex_unlock(&lock);
    }
    errno = saved;
    return here ? REAL(read)(fd, bytes, n) : REAL(pread64)(fd, bytes, n, at);
}

ssize_t read(int fd, void *bytes, size_t n) { return reading(fd, bytes, n, 0, 1); }
ssize_t pread(int fd, void *bytes, size_t n, off_t at) { return reading(fd, bytes, n, at, 0); }
ssize_t pread64(int fd, void *bytes, size_t n, off64_t at) { return reading(fd, bytes, n, at, 0); }

static int syncing(int fd, int data) {
    char path[4096];
    int who = path_of(fd, path, sizeof path), half, error;
    if (who != OURS) return data ? REAL(fdatasync)(fd) : REAL(fsync)(fd);
    ENTER;
    if ((error = fails('S', fd, &half))) FAIL(error);
    int done = data ? REAL(fdatasync)(fd) : REAL(fsync)(fd);
    if (!done) note('S', path, 0, "", 0);
    LEAVE(done);
}

int fsync(int fd) { return syncing(fd, 0); }
int fdatasync(int fd) { return syncing(fd, 1); }

static int cutting(int fd, off64_t length) {
    char path[4096];
    int who = path_of(fd, path, sizeof path), half, error;
    if (who != OURS) return REAL(ftruncate64)(fd, length);
    ENTER;
    if ((error = fails('T', fd, &half))) FAIL(error);
    int done = REAL(ftruncate64)(fd, length);
    if (!done) note('T', path, (uint64_t)length, "", 0);
    LEAVE(done);
}

int ftruncate(int fd, off_t length) { return cutting(fd, length); }
int ftruncate64(int fd, off64_t length) { return cutting(fd, length); }

static int opening(int at, const char *path, int flags, mode_t mode) {
    int who = path[0] == '/' ? whose(path) : 0, half, error;
    if (!who || !(flags & (O_CREAT | O_TRUNC))) return REAL(openat64)(at, path, flags, mode);
    ENTER;
    struct stat there;
    int old = !stat(path, &there);
    if (!old && who == OURS && (error = fails('C', -1, &half))) FAIL(error);
    int fd = REAL(openat64)(at, path, flags, mode);
    if (fd >= 0 && !old) note('C', path, 0, "", 0);
    if (fd >= 0 && old && (flags & O_TRUNC)) note('T', path, 0, "", 0);
    LEAVE(fd);
}

#define MODE \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    }

int open(const char *path, int flags, ...) { MODE return opening(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return opening(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE return opening(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE return opening(at, path, flags, mode); }

int unlink(const char *path) {
    int half, error;
    if (whose(path) != OURS) return REAL(unlink)(path);
    ENTER;
    if ((error = fails('U', -1, &half))) FAIL(error);
    int done = REAL(unlink)(path);
    if (!done) note('U', path, 0, "", 0);
    LEAVE(done);
}

int rename(const char *from, const char *to) {
    int half, error;
    if (whose(from) != OURS) return REAL(rename)(from, to);
    ENTER;
    if ((error = fails('R', -1, &half))) FAIL(error);
    int done = REAL(rename)(from, to);
    if (!done) note('R', from, 0, to, strlen(to));
    LEAVE(done);
}
