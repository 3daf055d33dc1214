/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/networks.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "conf/network.h"
#include "io/fail.h"
#include "io/file.h"

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

/* Reads the name from a file. */
static bool read_name(char name[IF_NAMESIZE], const char *path)
{
        struct tl_findings findings = {0};
        struct tl_network network = {0};
        struct tl_file file;
        int error = tl_file_read(&file, path);
        bool has_name;

        if (error)
                return tl_fail("%s: %s", path, strerror(-error));
        (void)!tl_network_parse(&network, file.text, file.len, &findings);
        has_name = network.name.text && strlen(network.name.text) < IF_NAMESIZE;
        if (has_name)
                snprintf(name, IF_NAMESIZE, "%s", network.name.text);
        tl_network_done(&network);
        tl_findings_done(&findings);
        tl_file_done(&file);
        return has_name || tl_fail("%s does not say how the network is called: give its name "
                                   "instead of a path",
                                   path);
}

int tl_networks_name(char name[IF_NAMESIZE], const char *network)
{
        struct tl_paths paths;
        int status = tl_networks_find(&paths, network);

        if (status)
                return status;
        if (!*paths.name)
                return read_name(name, paths.file) ? TL_CLI_YES : TL_CLI_FAILED;
        memcpy(name, paths.name, sizeof(paths.name));
        return TL_CLI_YES;
}
