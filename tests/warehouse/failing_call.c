/* Preloaded into a program, it has one call of libc fail: FAILING_CALL, with the number FAILING_ERRNO. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fails(const char *call) {
    const char *failing = getenv("FAILING_CALL");
    if (!failing || strcmp(failing, call)) return 0;
    errno = atoi(getenv("FAILING_ERRNO"));
    return 1;
}

int link(const char *from, const char *to) {
    return fails("link") ? -1 : syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    return fails("link") ? -1 : syscall(SYS_linkat, from_folder, from, to_folder, to, flags);
}

int chmod(const char *path, mode_t mode) {
    return fails("chmod") ? -1 : syscall(SYS_fchmodat, AT_FDCWD, path, mode);
}

int flock(int file, int operation) {
    return fails("flock") ? -1 : syscall(SYS_flock, file, operation);
}

int fsync(int file) {
    struct stat found;
    if (!fstat(file, &found) && S_ISDIR(found.st_mode) && fails("fsync of a directory")) return -1;
    return syscall(SYS_fsync, file);
}

static int locking(int file, int command, void *argument) {
    if ((command == F_SETLK || command == F_SETLKW) && fails("fcntl lock")) return -1;
    return syscall(SYS_fcntl, file, command, argument);
}

int fcntl(int file, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return locking(file, command, argument);
}

int fcntl64(int file, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return locking(file, command, argument);
}
