/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/paths.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "conf/network.h"
#include "io/fail.h"

#define SUFFIX ".yaml"

/* Whether a file name ends in the suffix, with something before it, and is not hidden. */
static bool is_network_file(const char *name, size_t *stem)
{
        size_t len = strlen(name);

        if (name[0] == '.' || len <= strlen(SUFFIX))
                return false;
        *stem = len - strlen(SUFFIX);
        return strcmp(name + *stem, SUFFIX) == 0;
}

int tl_paths_each(void (*each)(void *ctx, const char *name), void *ctx)
{
        DIR *directory = opendir(TL_PATHS_DIRECTORY);
        struct dirent *entry;
        int count = 0;

        if (!directory)
                return 0;
        while ((entry = readdir(directory))) {
                char name[NAME_MAX + 1];
                size_t stem;

                if (!is_network_file(entry->d_name, &stem))
                        continue;
                snprintf(name, sizeof(name), "%.*s", (int)stem, entry->d_name);
                each(ctx, name);
                count++;
        }
        closedir(directory);
        return count;
}

/* Writes the paths of the files called `name` in a directory, which may be "". */
static int fill(struct tl_paths *paths, const char *directory, size_t directory_len,
                const char *name, size_t name_len)
{
        int room = PATH_MAX, dir = (int)directory_len, stem = (int)name_len;

        if (directory_len + name_len + sizeof(SUFFIX) > PATH_MAX || name_len > NAME_MAX) {
                tl_fail("the path of the network file is too long");
                return TL_CLI_FAILED;
        }
        snprintf(paths->file, room, "%.*s%.*s" SUFFIX, dir, directory, stem, name);
        snprintf(paths->lock, room, "%.*s%.*s.lock", dir, directory, stem, name);
        snprintf(paths->key, room, "%.*s%.*s.key", dir, directory, stem, name);
        snprintf(paths->name, sizeof(paths->name), "%.*s", stem, name);
        return TL_CLI_YES;
}

static int find_by_path(struct tl_paths *paths, const char *path)
{
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
        size_t stem;

        if (is_network_file(name, &stem))
                return fill(paths, path, (size_t)(name - path), name, stem);
        tl_fail_usage("`%s' is not the path of a network file, which ends in " SUFFIX, path);
        return TL_CLI_USAGE;
}

static int find_by_name(struct tl_paths *paths, const char *name)
{
        static const char directory[] = TL_PATHS_DIRECTORY "/";
        size_t len = strlen(name);

        if (len == 0 || len > TL_NETWORK_NAME_MAX || name[0] == '.' ||
            strpbrk(name, " \t\n\r\f\v:")) {
                tl_fail_usage("`%s' is not the name of a network: that has 1 to %d characters, "
                              "without blanks and colons",
                              name, TL_NETWORK_NAME_MAX);
                return TL_CLI_USAGE;
        }
        paths->is_installed = true;
        return fill(paths, directory, strlen(directory), name, len);
}

/* The names of networks, for a message. */
struct names {
        char first[NAME_MAX + 1];
        char list[512];
};

static void note(void *ctx, const char *name)
{
        struct names *names = ctx;
        size_t len = strlen(names->list);

        if (!*names->first)
                snprintf(names->first, sizeof(names->first), "%s", name);
        snprintf(names->list + len, sizeof(names->list) - len, "%s%s", len ? ", " : "", name);
}

int tl_paths_find(struct tl_paths *paths, const char *network)
{
        struct names names = {{0}, {0}};
        size_t stem;

        *paths = (struct tl_paths){0};
        if (network && (strchr(network, '/') || is_network_file(network, &stem)))
                return find_by_path(paths, network);
        if (network)
                return find_by_name(paths, network);
        switch (tl_paths_each(note, &names)) {
        case 0:
                tl_fail("there is no network in " TL_PATHS_DIRECTORY ": write NAME" SUFFIX
                        " there, or give the path of a file");
                return TL_CLI_FAILED;
        case 1:
                return find_by_name(paths, names.first);
        default:
                tl_fail_usage("which network? " TL_PATHS_DIRECTORY " has several: %s", names.list);
                return TL_CLI_USAGE;
        }
}
