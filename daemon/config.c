/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/config.h"

#include <stdio.h>
#include <string.h>

#include "conf/wgconf.h"
#include "io/file.h"
#include "io/resolve.h"

static bool parse(const char *path, const struct tl_file *file, struct tl_change *change)
{
        struct tl_mistakes mistakes = {0};

        if (file->is_exposed)
                fprintf(stderr,
                        "tielined: warning: %s holds keys and other users may read it; "
                        "`chmod 600' it\n",
                        path);
        if (tl_wgconf_parse_with(file->text, file->len, tl_resolve_service, change, &mistakes) &&
            !tl_wgconf_refuse_listen_port(change, &mistakes))
                return true;
        tl_change_done(change);
        tl_mistakes_write(&mistakes, "tielined", path, stderr);
        return false;
}

bool tl_config_read(const char *path, struct tl_change *change)
{
        struct tl_file file;
        int error = tl_file_read(&file, path);
        bool is_good;

        if (error) {
                fprintf(stderr, "tielined: %s: %s\n", path, strerror(-error));
                return false;
        }
        is_good = parse(path, &file, change);
        tl_file_done(&file);
        return is_good;
}

bool tl_config_resolve(const char *path, struct tl_change *change)
{
        for (uint32_t i = 0; i < change->peer_count; i++) {
                struct tl_change_peer *peer = tl_change_peer_at(change, i);
                const char *reason;

                if (!peer->endpoint_host)
                        continue;
                reason = tl_resolve(peer->endpoint_host, 0, &peer->endpoint);
                if (reason) {
                        fprintf(stderr, "tielined: %s: cannot find the endpoint `%s': %s\n", path,
                                peer->endpoint_host, reason);
                        return false;
                }
        }
        return true;
}
