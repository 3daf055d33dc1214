/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

/* Enough for a million peers. */
#define SIZE_LIMIT ((size_t)512 << 20)

static int grow(char **text, size_t *room)
{
        /* Not realloc(): it would leave keys behind in the old memory. */
        char *bigger;

        if (*room >= SIZE_LIMIT)
                return -EFBIG;
        bigger = malloc(*room * 2);
        if (!bigger)
                return -ENOMEM;
        memcpy(bigger, *text, *room);
        wg_wipe(*text, *room);
        free(*text);
        *text = bigger;
        *room *= 2;
        return 0;
}

static int read_all(struct tl_file *file, int fd)
{
        size_t room = 4096;

        file->text = malloc(room);
        if (!file->text)
                return -ENOMEM;
        for (;;) {
                int error = file->len == room ? grow(&file->text, &room) : 0;
                ssize_t got;

                if (error)
                        return error;
                got = read(fd, file->text + file->len, room - file->len);
                if (got < 0 && errno != EINTR)
                        return -errno;
                if (got == 0)
                        return 0;
                if (got > 0)
                        file->len += (size_t)got;
        }
}

/* Whether other users may search the file's directory. */
static bool is_reachable(const char *path)
{
        char *target = realpath(path, NULL), *slash = target ? strrchr(target, '/') : NULL;
        struct stat status;
        bool is_closed;

        if (slash)
                slash[slash == target] = '\0';
        is_closed = slash && stat(target, &status) == 0 && (status.st_mode & 011) == 0;
        free(target);
        return !is_closed;
}

int tl_file_read(struct tl_file *file, const char *path)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC), error;
        struct stat status;

        *file = (struct tl_file){0};
        if (fd < 0)
                return -errno;
        file->is_exposed = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
                           (status.st_mode & 077) != 0 && is_reachable(path);
        error = read_all(file, fd);
        close(fd);
        if (error)
                tl_file_done(file);
        return error;
}

void tl_file_done(struct tl_file *file)
{
        if (!file)
                return;
        if (file->text)
                wg_wipe(file->text, file->len);
        free(file->text);
        file->text = NULL;
        file->len = 0;
}

static int write_all(int fd, const char *text, size_t len)
{
        while (len) {
                ssize_t wrote = write(fd, text, len);

                if (wrote < 0 && errno != EINTR)
                        return -errno;
                if (wrote > 0) {
                        text += wrote;
                        len -= (size_t)wrote;
                }
        }
        return fsync(fd) < 0 ? -errno : 0;
}

/* Makes the new name durable. */
static void sync_directory(const char *path)
{
        const char *slash = strrchr(path, '/');
        char directory[PATH_MAX];
        int fd;

        snprintf(directory, sizeof(directory), "%.*s", slash ? (int)(slash - path + 1) : 1,
                 slash ? path : ".");
        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return;
        fsync(fd);
        close(fd);
}

/* Writes a file beside this one, for link() or rename(), and writes its name. Leaves nothing behind
 * if it fails. */
static int write_beside(char temporary[PATH_MAX], const char *path, mode_t mode, const char *text,
                        size_t len)
{
        int fd, error;

        if (snprintf(temporary, PATH_MAX, "%s.XXXXXX", path) >= PATH_MAX)
                return -ENAMETOOLONG;
        fd = mkostemp(temporary, O_CLOEXEC); /* 0600 */
        if (fd < 0)
                return -errno;
        error = write_all(fd, text, len);
        if (!error && fchmod(fd, mode) < 0)
                error = -errno;
        if (close(fd) < 0 && !error)
                error = -errno;
        if (error)
                unlink(temporary);
        return error;
}

/* Writes a temporary file and renames it over this one. */
static int replace(const char *path, mode_t mode, const char *text, size_t len)
{
        char temporary[PATH_MAX];
        int error = write_beside(temporary, path, mode, text, len);

        if (error)
                return error;
        if (rename(temporary, path) < 0) {
                error = -errno;
                unlink(temporary);
                return error;
        }
        sync_directory(path);
        return 0;
}

int tl_file_create(const char *path, const char *text, size_t len)
{
        char temporary[PATH_MAX];
        int error = write_beside(temporary, path, 0600, text, len);

        if (error)
                return error;
        if (link(temporary, path) < 0)
                error = -errno;
        unlink(temporary);
        if (!error)
                sync_directory(path);
        return error;
}

/* Overwrites in place. Allocates the space first, so that a full disk leaves the file unchanged. */
static int overwrite(const char *path, mode_t mode, const char *text, size_t len)
{
        int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW), error = 0;

        if (fd < 0)
                return -errno;
        if (len && fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)len) < 0 && errno != EOPNOTSUPP)
                error = -errno;
        if (!error && fchmod(fd, mode) < 0)
                error = -errno;
        if (!error)
                error = write_all(fd, text, len);
        if (!error && (ftruncate(fd, (off_t)len) < 0 || fsync(fd) < 0))
                error = -errno;
        if (close(fd) < 0 && !error)
                error = -errno;
        return error;
}

/* Returns 0 if the path is a regular file or does not exist, or -errno. A dangling link exists. */
static int check_place(const char *path, bool exists)
{
        struct stat status;

        if (lstat(path, &status) < 0)
                return !exists && errno == ENOENT ? 0 : -errno;
        if (!exists)
                return -ENOENT;
        if (S_ISDIR(status.st_mode))
                return -EISDIR;
        return S_ISREG(status.st_mode) ? 0 : -EOPNOTSUPP;
}

/* Whether the error means that a file cannot be replaced but may be writable: it is a mount point,
 * or no file can be created in its directory. */
static bool is_of_place(int error)
{
        return error == -EBUSY || error == -EROFS || error == -EACCES || error == -EPERM;
}

static int replace_at(const char *path, mode_t mode, const char *text, size_t len)
{
        char *target = realpath(path, NULL);
        int error = check_place(target ? target : path, target);

        if (!error)
                error = replace(target ? target : path, mode, text, len);
        if (target && is_of_place(error))
                error = overwrite(target, mode, text, len);
        free(target);
        return error;
}

int tl_file_replace(const char *path, const char *text, size_t len)
{
        return replace_at(path, 0600, text, len);
}

int tl_file_replace_public(const char *path, const char *text, size_t len)
{
        return replace_at(path, 0644, text, len);
}
