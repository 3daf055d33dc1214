/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/paths.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf/network.h"
#include "io/fail.h"

#define SUFFIX ".yaml"

_Static_assert(TL_NETWORK_NAME_MAX == IF_NAMESIZE - 1, "a network's name is its interface's");

/* Whether a name ends in the suffix, with something before it. */
static bool is_file_name(const char *name)
{
        size_t len = strlen(name);

        return len > strlen(SUFFIX) && strcmp(name + len - strlen(SUFFIX), SUFFIX) == 0;
}

/* Writes the three paths: the first len bytes of `stem`, and a suffix each. */
static bool fill(struct tl_paths *paths, const char *stem, size_t len)
{
        if (len + sizeof(SUFFIX) > PATH_MAX)
                return tl_fail("the path of the network file is too long");
        snprintf(paths->file, PATH_MAX, "%.*s" SUFFIX, (int)len, stem);
        snprintf(paths->lock, PATH_MAX, "%.*s.lock", (int)len, stem);
        snprintf(paths->key, PATH_MAX, "%.*s.key", (int)len, stem);
        return true;
}

static bool find_by_name(struct tl_paths *paths, const char *name)
{
        char stem[sizeof(TL_PATHS_ETC) + IF_NAMESIZE];
        size_t len = strlen(name);

        if (len == 0 || len > TL_NETWORK_NAME_MAX || name[0] == '.' || name[0] == '-' ||
            strpbrk(name, " \t\n\r\f\v:"))
                return tl_fail_usage("`%s' is not the name of a network, which has 1 to %d "
                                     "characters, without blanks and colons",
                                     name, TL_NETWORK_NAME_MAX);
        memcpy(paths->name, name, len + 1);
        snprintf(stem, sizeof(stem), TL_PATHS_ETC "/%s", name);
        return fill(paths, stem, strlen(stem));
}

bool tl_paths_find(struct tl_paths *paths, const char *network)
{
        const char *slash = strrchr(network, '/');

        *paths = (struct tl_paths){0};
        if (is_file_name(slash ? slash + 1 : network))
                return fill(paths, network, strlen(network) - strlen(SUFFIX));
        if (slash)
                return tl_fail_usage("`%s' is not the file of a network, which ends in " SUFFIX,
                                     network);
        return find_by_name(paths, network);
}

bool tl_paths_find_good(struct tl_paths *good, const struct tl_paths *paths)
{
        char stem[sizeof(TL_PATHS_STATE) + 2 * IF_NAMESIZE + 8];

        *good = *paths;
        snprintf(stem, sizeof(stem), TL_PATHS_STATE "/%s/good/%s", paths->name, paths->name);
        snprintf(good->file, PATH_MAX, "%s" SUFFIX, stem);
        snprintf(good->lock, PATH_MAX, "%s.lock", stem);
        return access(good->file, F_OK) == 0 && access(good->lock, F_OK) == 0;
}
