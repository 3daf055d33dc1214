/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "quick/save.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/prefix.h"
#include "client/link.h"
#include "conf/address.h"
#include "conf/uapi_text.h"
#include "host/facts.h"
#include "io/file.h"

/* The address of an interface, or its netmask. */
static struct wg_ip ip_of(sa_family_t family, const struct sockaddr *address)
{
        struct wg_ip ip = {.family = WG_FAMILY_IPV4};

        if (family == AF_INET) {
                memcpy(ip.bytes, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
                return ip;
        }
        ip.family = WG_FAMILY_IPV6;
        memcpy(ip.bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
        return ip;
}

static void write_address(FILE *out, const struct ifaddrs *address)
{
        sa_family_t family = address->ifa_addr->sa_family;
        struct wg_ip ip = ip_of(family, address->ifa_addr);
        struct wg_ip mask = ip_of(family, address->ifa_netmask);
        char text[TL_ADDRESS_IP_SIZE];

        tl_address_format_ip(text, &ip);
        fprintf(out, "Address = %s/%d\n", text, wg_prefix_netmask_len(&mask));
}

static int write_addresses(FILE *out, const char *ifname)
{
        struct ifaddrs *all;

        if (getifaddrs(&all) < 0)
                return -errno;
        for (const struct ifaddrs *address = all; address; address = address->ifa_next) {
                if (strcmp(address->ifa_name, ifname) != 0 || !address->ifa_addr ||
                    !address->ifa_netmask)
                        continue;
                if (address->ifa_addr->sa_family == AF_INET ||
                    address->ifa_addr->sa_family == AF_INET6)
                        write_address(out, address);
        }
        freeifaddrs(all);
        return 0;
}

static void write_dns(FILE *out, const struct tl_wgquick *quick)
{
        const char *before = "DNS = ";

        for (uint32_t i = 0; i < quick->dns_count; i++, before = ", ") {
                char text[TL_WGQUICK_SERVER_SIZE];

                tl_wgquick_format_server(text, &quick->dns[i]);
                fprintf(out, "%s%s", before, text);
        }
        for (uint32_t i = 0; i < quick->dns_search.count; i++, before = ", ")
                fprintf(out, "%s%.*s", before, (int)quick->dns_search.items[i].len,
                        quick->dns_search.items[i].at);
        if (quick->dns_count || quick->dns_search.count)
                fputc('\n', out);
}

static void write_mtu(FILE *out, const char *ifname)
{
        uint32_t mtu = tl_facts_link_mtu(ifname);

        if (mtu)
                fprintf(out, "MTU = %u\n", mtu);
}

static void write_table(FILE *out, const struct tl_wgquick *quick)
{
        switch (quick->routing) {
        case TL_WGQUICK_ROUTING_AUTO:
                fputs("Table = auto\n", out);
                return;
        case TL_WGQUICK_ROUTING_OFF:
                fputs("Table = off\n", out);
                return;
        case TL_WGQUICK_ROUTING_TABLE:
                fprintf(out, "Table = %s\n", quick->table);
                return;
        }
}

/* Writes the keys of [Interface] that are not wg(8)'s. They hold no secrets, except possibly in
 * hooks. */
static int write_ours(FILE *out, const char *ifname, const struct tl_wgquick *quick)
{
        int error;

        fputs("[Interface]\n", out);
        error = write_addresses(out, ifname);
        write_dns(out, quick);
        if (quick->mtu)
                write_mtu(out, ifname);
        if (quick->has_table)
                write_table(out, quick);
        if (quick->save_config)
                fputs("SaveConfig = true\n", out);
        WG_ENUM_EACH(hook, &tl_wgquick_hook_enum) {
                const struct tl_wgquick_list *list = &quick->hooks[hook->value];

                for (uint32_t i = 0; i < list->count; i++)
                        fprintf(out, "%s = %.*s\n", hook->name, (int)list->items[i].len,
                                list->items[i].at);
        }
        return error;
}

static int format_ours(const char *ifname, const struct tl_wgquick *quick, char **text, size_t *len)
{
        FILE *out = open_memstream(text, len);
        int error;

        if (!out)
                return -ENOMEM;
        error = write_ours(out, ifname, quick);
        return fclose(out) == 0 ? error : -ENOMEM;
}

/* Gives a peer that has no endpoint the one from the file, if that has a name. */
static int keep_endpoint(struct tl_change *device, const struct tl_change_peer *written)
{
        for (uint32_t i = 0; i < device->peer_count; i++) {
                struct tl_change_peer *peer = tl_change_peer_at(device, i);

                if (peer->has_endpoint ||
                    memcmp(peer->public_key, written->public_key, TL_CONF_KEY_LEN) != 0)
                        continue;
                if (written->endpoint_host) {
                        peer->endpoint_host = strdup(written->endpoint_host);
                        if (!peer->endpoint_host)
                                return -ENOMEM;
                }
                peer->endpoint = written->endpoint;
                memcpy(peer->zone, written->zone, sizeof(peer->zone));
                peer->has_endpoint = true;
        }
        return 0;
}

static int keep_endpoints(struct tl_change *device, const struct tl_change *file)
{
        int error = 0;

        for (uint32_t i = 0; !error && i < file->peer_count; i++) {
                const struct tl_change_peer *written = tl_change_peer_at(file, i);

                if (written->has_endpoint && (written->endpoint_host || written->zone[0]))
                        error = keep_endpoint(device, written);
        }
        return error;
}

int tl_save(const char *path, const char *ifname, const struct tl_wgquick *quick,
            const struct tl_change *file)
{
        struct tl_change device;
        char *ours = NULL, *whole = NULL;
        size_t len = 0, room = 0;
        int error;

        tl_change_init(&device);
        error = tl_link_get(ifname, &device);
        if (!error)
                error = keep_endpoints(&device, file);
        if (!error)
                error = format_ours(ifname, quick, &ours, &len);
        if (error)
                goto out;
        room = len + tl_uapi_text_room(&device);
        whole = malloc(room);
        error = whole ? 0 : -ENOMEM;
        if (error)
                goto out;
        memcpy(whole, ours, len);
        len += tl_uapi_text_format_file(&device, whole + len, room - len);
        error = tl_file_replace(path, whole, len);
        wg_wipe(whole, room);
out:
        free(whole);
        free(ours);
        tl_change_done(&device);
        return error;
}
