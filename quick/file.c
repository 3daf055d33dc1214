/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "quick/file.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/config.h"
#include "conf/wgconf.h"
#include "io/fail.h"

#define DIRECTORY "/etc/wireguard"
#define SUFFIX ".conf"

/* The names that wg-quick accepts: each is one word in commands, shells and paths. */
static bool is_ifname(const char *name, size_t len)
{
        static const char signs[] = "_=+.-";

        if (len == 0 || len >= IF_NAMESIZE || (len == 1 && name[0] == '.') ||
            (len == 2 && memcmp(name, "..", 2) == 0))
                return false;
        for (size_t i = 0; i < len; i++) {
                char c = name[i];

                if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
                    !strchr(signs, c))
                        return false;
        }
        return true;
}

static bool find_file(struct tl_quick_file *file, const char *name)
{
        const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
        size_t len = strlen(base), suffix = strlen(SUFFIX);
        bool is_path = slash || (len > suffix && strcmp(base + len - suffix, SUFFIX) == 0 &&
                                 access(name, F_OK) == 0);
        int size;

        if (is_path) {
                if (len <= suffix || strcmp(base + len - suffix, SUFFIX) != 0 ||
                    !is_ifname(base, len - suffix))
                        return tl_fail(
                                "`%s' is not a valid file name: it takes 1 to %d letters, digits "
                                "and _=+.-, followed by " SUFFIX,
                                name, IF_NAMESIZE - 1);
                len -= suffix;
        } else if (!is_ifname(base, len)) {
                return tl_fail(
                        "`%s' is not a valid interface name: it takes 1 to %d letters, digits and "
                        "_=+.-",
                        name, IF_NAMESIZE - 1);
        }
        memcpy(file->ifname, base, len);
        file->ifname[len] = '\0';
        size = is_path ? snprintf(file->path, sizeof(file->path), "%s", name)
                       : snprintf(file->path, sizeof(file->path), DIRECTORY "/%s" SUFFIX, name);
        return size < (int)sizeof(file->path) || tl_fail("`%s' is too long", name);
}

/* wg(8)'s keys are read from a copy in which our keys are blanked and every byte keeps its place,
 * so that mistakes in both parts are reported at their line and column in the file. */
static void parse(struct tl_quick_file *file)
{
        size_t len = file->file.len;
        struct tl_mistakes mistakes = {0};
        char *copy = malloc(len + 1);
        uint32_t bad_ports;

        if (!copy) {
                tl_fail("%s: out of memory", file->path);
                return;
        }
        memcpy(copy, file->file.text, len);
        tl_wgquick_blank(copy, len);
        file->has_hooks = tl_wgquick_parse(file->file.text, len, &file->quick, &mistakes);
        file->is_sound = tl_config_parse(copy, len, &file->device, &mistakes);
        wg_wipe(copy, len);
        free(copy);
        file->is_sound = tl_config_report(file->path, &mistakes) && file->is_sound;
        bad_ports = file->is_sound ? tl_wgconf_count_bad_ports(&file->device) : 0;
        if (bad_ports)
                tl_warn("%s: ignoring endpoints whose port is not from 1 to 65535: %u", file->path,
                        bad_ports);
        if (file->is_sound && file->device.bad_listen_port_line)
                tl_warn("%s: ListenPort is above 65535; like wg(8), this takes it as %u",
                        file->path, file->device.listen_port);
}

bool tl_quick_file_open(struct tl_quick_file *file, const char *name)
{
        *file = (struct tl_quick_file){0};
        tl_change_init(&file->device);
        if (!find_file(file, name))
                return false;
        if (!tl_config_load(&file->file, file->path))
                return false;
        parse(file);
        return true;
}

void tl_quick_file_close(struct tl_quick_file *file)
{
        tl_change_done(&file->device);
        tl_wgquick_done(&file->quick);
        tl_names_done(&file->missing);
        tl_file_done(&file->file);
}

bool tl_quick_file_print(struct tl_quick_file *file)
{
        size_t len = tl_wgquick_strip(file->file.text, file->file.len);
        bool is_good = fwrite(file->file.text, 1, len, stdout) == len && fflush(stdout) == 0;

        return is_good || tl_fail("cannot print: %s", strerror(errno));
}
