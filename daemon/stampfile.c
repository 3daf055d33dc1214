/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/stampfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".stamp"
#define SUFFIX_LEN (sizeof(SUFFIX) - 1)

enum { DIGITS_MAX = 20 }; /* of a 64-bit number */

static int make_path(char path[PATH_MAX], const char *directory, const char *name,
                     const char *suffix)
{
        int len;

        if (!*name || strchr(name, '/'))
                return -EINVAL;
        len = snprintf(path, PATH_MAX, "%s/%s%s", directory, name, suffix);
        return len < 0 || len >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* ---- reading ---- */

static bool parse(const char *text, size_t len, uint64_t *real_ns)
{
        uint64_t number = 0;

        if (len < 2 || text[len - 1] != '\n')
                return false;
        for (size_t i = 0; i < len - 1; i++) {
                if (text[i] < '0' || text[i] > '9' ||
                    __builtin_mul_overflow(number, 10u, &number) ||
                    __builtin_add_overflow(number, (uint64_t)(text[i] - '0'), &number))
                        return false;
        }
        *real_ns = number;
        return true;
}

/* Whether only our user, usually root, can have written it. */
static bool is_ours(int fd)
{
        struct stat file;

        return fstat(fd, &file) == 0 && S_ISREG(file.st_mode) && file.st_uid == geteuid() &&
               !(file.st_mode & 022);
}

int tl_stampfile_read(const char *directory, const char *name, uint64_t *real_ns)
{
        char path[PATH_MAX], text[DIGITS_MAX + 2];
        int fd, error = make_path(path, directory, name, SUFFIX);
        ssize_t got;

        if (error)
                return error;
        fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return errno == ELOOP ? -EPERM : -errno;
        if (!is_ours(fd)) {
                close(fd);
                return -EPERM;
        }
        got = read(fd, text, sizeof(text));
        error = got < 0 ? -errno : 0;
        close(fd);
        if (error)
                return error;
        return parse(text, (size_t)got, real_ns) ? 0 : -EBADMSG;
}

/* ---- writing ---- */

static bool is_stampfile(const char *name)
{
        size_t len = strlen(name);

        return len > SUFFIX_LEN && strcmp(name + len - SUFFIX_LEN, SUFFIX) == 0;
}

void tl_stampfile_make_room(const char *directory)
{
        char oldest[NAME_MAX + 1] = "";
        struct timespec since = {0};
        unsigned int count = 0;
        struct dirent *entry;
        struct stat file;
        DIR *dir = opendir(directory);

        if (!dir)
                return;
        while ((entry = readdir(dir))) {
                if (!is_stampfile(entry->d_name) ||
                    fstatat(dirfd(dir), entry->d_name, &file, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                count++;
                if (*oldest &&
                    (file.st_mtim.tv_sec > since.tv_sec || (file.st_mtim.tv_sec == since.tv_sec &&
                                                            file.st_mtim.tv_nsec >= since.tv_nsec)))
                        continue;
                since = file.st_mtim;
                snprintf(oldest, sizeof(oldest), "%s", entry->d_name);
        }
        if (count >= TL_STAMPFILE_MAX)
                unlinkat(dirfd(dir), oldest, 0);
        closedir(dir);
}

static int write_file(const char *path, uint64_t real_ns)
{
        char text[DIGITS_MAX + 2];
        int len = snprintf(text, sizeof(text), "%" PRIu64 "\n", real_ns), fd, error = 0;
        ssize_t wrote;

        unlink(path); /* left by a helper that was killed while it wrote */
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        wrote = write(fd, text, (size_t)len);
        if (wrote != len)
                error = wrote < 0 ? -errno : -ENOSPC;
        if (close(fd) < 0 && !error)
                error = -errno;
        return error;
}

int tl_stampfile_write(const char *directory, const char *name, uint64_t real_ns)
{
        char path[PATH_MAX], temporary[PATH_MAX];
        int error = make_path(path, directory, name, SUFFIX);

        if (!error)
                error = make_path(temporary, directory, name, SUFFIX ".new");
        if (error)
                return error;
        error = write_file(temporary, real_ns);
        if (!error && rename(temporary, path) < 0)
                error = -errno;
        if (error)
                unlink(temporary);
        return error;
}
