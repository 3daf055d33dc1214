/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/networks.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "io/fail.h"

#define SUFFIX ".yaml"

/* The length of a file's name without the suffix; 0: it is not the file of a network. */
static size_t stem_of(const char *name)
{
        size_t len = strlen(name);

        if (name[0] == '.' || len <= strlen(SUFFIX))
                return 0;
        len -= strlen(SUFFIX);
        return strcmp(name + len, SUFFIX) == 0 && len < IF_NAMESIZE ? len : 0;
}

int tl_networks_each(void (*each)(void *ctx, const char *name), void *ctx)
{
        DIR *directory = opendir(TL_PATHS_ETC);
        struct dirent *entry;
        int count = 0;

        if (!directory)
                return 0;
        while ((entry = readdir(directory))) {
                char name[IF_NAMESIZE];
                size_t len = stem_of(entry->d_name);

                if (len == 0)
                        continue;
                memcpy(name, entry->d_name, len);
                name[len] = '\0';
                each(ctx, name);
                count++;
        }
        closedir(directory);
        return count;
}

/* The names of networks, for a message. */
struct names {
        char first[IF_NAMESIZE];
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

int tl_networks_find(struct tl_paths *paths, const char *network)
{
        struct names names = {{0}, {0}};

        if (network)
                return tl_paths_find(paths, network) ? TL_CLI_YES : TL_CLI_USAGE;
        switch (tl_networks_each(note, &names)) {
        case 0:
                tl_fail("there is no network in " TL_PATHS_ETC ": write the file NAME" SUFFIX
                        " there, or give the path of one");
                return TL_CLI_FAILED;
        case 1:
                return tl_paths_find(paths, names.first) ? TL_CLI_YES : TL_CLI_FAILED;
        default:
                tl_fail_usage("which network? " TL_PATHS_ETC " has several: %s", names.list);
                return TL_CLI_USAGE;
        }
}
