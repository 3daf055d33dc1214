/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "client/config.h"

#include <errno.h>
#include <string.h>

#include "client/names.h"
#include "conf/wgconf.h"
#include "io/fail.h"
#include "io/resolve.h"

bool tl_config_load(struct tl_file *file, const char *path)
{
        int error = tl_file_read(file, path);

        if (error)
                return tl_fail("%s: %s", path, strerror(-error));
        if (file->is_exposed)
                tl_warn("%s has private keys, and other users can read it: `chmod 600' it", path);
        return true;
}

bool tl_config_parse(const char *text, size_t len, struct tl_change *change,
                     struct tl_mistakes *mistakes)
{
        return tl_wgconf_parse_with(text, len, tl_resolve_service, change, mistakes);
}

bool tl_config_report(const char *path, const struct tl_mistakes *mistakes)
{
        tl_mistakes_write(mistakes, program_invocation_short_name, path, stderr);
        return !mistakes->count;
}

bool tl_config_read(const char *path, struct tl_change *change)
{
        struct tl_mistakes mistakes = {0};
        struct tl_file file;
        bool is_good = tl_config_load(&file, path);

        if (is_good) {
                is_good = tl_config_parse(file.text, file.len, change, &mistakes) &&
                          !tl_wgconf_refuse_listen_port(change, &mistakes);
                is_good = tl_config_report(path, &mistakes) && is_good;
        }
        if (!is_good)
                tl_change_done(change);
        tl_file_done(&file);
        return is_good;
}

bool tl_config_resolve(const char *path, struct tl_change *change)
{
        static const struct tl_names_patience until_known = {0};
        struct tl_names missing;
        bool is_good = tl_names_find(change, &until_known, &missing) || tl_fail("out of memory");

        for (uint32_t i = 0; i < missing.count; i++)
                is_good = tl_fail("%s: cannot resolve the endpoint `%s': %s", path,
                                  missing.items[i].host, missing.items[i].reason);
        tl_names_done(&missing);
        return is_good;
}
