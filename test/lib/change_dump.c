/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "test/lib/change_dump.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/address.h"

static void dump_key(FILE *out, const char *name, const uint8_t key[TL_CONF_KEY_LEN])
{
        fprintf(out, "%s=", name);
        for (size_t i = 0; i < TL_CONF_KEY_LEN; i++)
                fprintf(out, "%02x", key[i]);
        fputc('\n', out);
}

static void dump_endpoint(FILE *out, const struct tl_change_peer *peer)
{
        char text[TL_ADDRESS_ENDPOINT_SIZE];

        if (peer->endpoint_host) {
                fprintf(out, "endpoint=%s%s:%u\n", peer->endpoint_host, peer->zone,
                        peer->endpoint.port);
        } else if (peer->zone[0]) {
                tl_address_format_ip(text, &peer->endpoint.ip);
                fprintf(out, "endpoint=[%s%%%s]:%u\n", text, peer->zone, peer->endpoint.port);
        } else {
                tl_address_format_endpoint(text, &peer->endpoint);
                fprintf(out, "endpoint=%s\n", text);
        }
}

static void dump_allowed_ips(FILE *out, const struct tl_change *device,
                             const struct tl_change_peer *peer)
{
        char text[TL_ADDRESS_PREFIX_SIZE];

        for (uint32_t i = 0; i < peer->allowed_ip_count; i++) {
                const struct tl_change_allowed_ip *ip = tl_change_peer_allowed_ip(device, peer, i);

                tl_address_format_prefix(text, &ip->prefix);
                fprintf(out, "allowed_ip=%s%s\n", ip->remove ? "-" : "", text);
        }
}

static void dump_peer(FILE *out, const struct tl_change *device, const struct tl_change_peer *peer)
{
        dump_key(out, "public_key", peer->public_key);
        if (peer->remove)
                fputs("remove=true\n", out);
        if (peer->update_only)
                fputs("update_only=true\n", out);
        if (peer->has_preshared_key)
                dump_key(out, "preshared_key", peer->preshared_key);
        if (peer->has_endpoint)
                dump_endpoint(out, peer);
        if (peer->has_persistent_keepalive)
                fprintf(out, "persistent_keepalive_interval=%u\n", peer->persistent_keepalive_s);
        if (peer->replace_allowed_ips)
                fputs("replace_allowed_ips=true\n", out);
        dump_allowed_ips(out, device, peer);
}

char *change_dump(const struct tl_change *device)
{
        char *text;
        size_t len;
        FILE *out = open_memstream(&text, &len);

        if (!out)
                abort();
        fputs("set=1\n", out);
        if (device->has_private_key)
                dump_key(out, "private_key", device->private_key);
        if (device->has_listen_port)
                fprintf(out, "listen_port=%u\n", device->listen_port);
        if (device->has_fwmark)
                fprintf(out, "fwmark=%" PRIu32 "\n", device->fwmark);
        if (device->replace_peers)
                fputs("replace_peers=true\n", out);
        for (uint32_t i = 0; i < device->peer_count; i++)
                dump_peer(out, device, tl_change_peer_at(device, i));
        fputc('\n', out);
        if (fclose(out))
                abort();
        return text;
}
