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

/* A million peers fit. */
#define SIZE_LIMIT ((size_t)512 << 20)

static int grow(char **text, size_t *room)
{
        /* Not realloc(): what is left behind holds keys. */
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

int tl_file_read(struct tl_file *file, const char *path)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC), error;
        struct stat status;

        *file = (struct tl_file){0};
        if (fd < 0)
                return -errno;
        file->is_exposed = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
                           (status.st_mode & 077) != 0;
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

/* So that the new name is on the disk too. */
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

int tl_file_replace(const char *path, const char *text, size_t len)
{
        char temporary[PATH_MAX];
        int fd, error, room = (int)sizeof(temporary);

        if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= room)
                return -ENAMETOOLONG;
        fd = mkostemp(temporary, O_CLOEXEC); /* 0600 */
        if (fd < 0)
                return -errno;
        error = write_all(fd, text, len);
        if (close(fd) < 0 && !error)
                error = -errno;
        if (!error && rename(temporary, path) < 0)
                error = -errno;
        if (error)
                unlink(temporary);
        else
                sync_directory(path);
        return error;
}
