/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/good.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/fail.h"

#define GOOD "good"

/* The two directories. */
static const char *const SLOTS[] = {"1", "2"};

static void name_path(char path[PATH_MAX], const char *name, const char *more)
{
        snprintf(path, PATH_MAX, TL_PATHS_STATE "/%s/%s", name, more);
}

/* The index of the slot that `good` points to; -1: none. */
static int find_current(const char *name)
{
        char path[PATH_MAX], target[8] = "";

        name_path(path, name, GOOD);
        if (readlink(path, target, sizeof(target) - 1) < 0)
                return -1;
        for (size_t i = 0; i < WG_ARRAY_SIZE(SLOTS); i++)
                if (strcmp(target, SLOTS[i]) == 0)
                        return (int)i;
        return -1;
}

static const char *find_spare(const char *name)
{
        return SLOTS[find_current(name) == 0 ? 1 : 0];
}

static int make_directory(const char *path)
{
        return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

/* Makes new names in a directory durable. */
static void sync_directory(const char *path)
{
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd >= 0) {
                fsync(fd);
                close(fd);
        }
}

static int store(const char *name, const char *slot, const char *ending, const struct tl_file *file)
{
        char path[PATH_MAX];

        snprintf(path, sizeof(path), TL_PATHS_STATE "/%s/%s/%s%s", name, slot, name, ending);
        return tl_file_replace(path, file->text, file->len);
}

bool tl_good_store(const char *name, const struct tl_file *file, const struct tl_file *lock)
{
        const char *slot;
        char path[PATH_MAX];
        int error = make_directory("/var/lib");

        if (!error)
                error = make_directory(TL_PATHS_STATE);
        name_path(path, name, "");
        if (!error)
                error = make_directory(path);
        slot = find_spare(name);
        name_path(path, name, slot);
        if (!error)
                error = make_directory(path);
        if (!error)
                error = store(name, slot, ".yaml", file);
        if (!error)
                error = store(name, slot, ".lock", lock);
        name_path(path, name, "");
        if (!error)
                sync_directory(path);
        return !error || tl_fail("cannot store the file in %s: %s", path, strerror(-error));
}

bool tl_good_adopt(const char *name)
{
        char path[PATH_MAX], temporary[PATH_MAX];
        const char *slot = find_spare(name);

        name_path(path, name, GOOD);
        name_path(temporary, name, GOOD ".new");
        (void)unlink(temporary);
        if (symlink(slot, temporary) < 0 || rename(temporary, path) < 0)
                return tl_fail("cannot change %s: %s", path, strerror(errno));
        name_path(path, name, "");
        sync_directory(path);
        return true;
}

bool tl_good_find(struct tl_paths *good, const struct tl_paths *paths)
{
        const char *name = paths->name;

        if (find_current(name) < 0)
                return false;
        *good = *paths;
        snprintf(good->file, sizeof(good->file), TL_PATHS_STATE "/%s/" GOOD "/%s.yaml", name, name);
        snprintf(good->lock, sizeof(good->lock), TL_PATHS_STATE "/%s/" GOOD "/%s.lock", name, name);
        return access(good->file, R_OK) == 0;
}
