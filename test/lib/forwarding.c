/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#define _GNU_SOURCE /* unshare, memmem */

#include "test/lib/forwarding.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/bytes.h"
#include "conf/address.h"
#include "test/lib/cmocka.h"
#include "test/lib/netns.h"

enum { PATIENCE_MS = 5000 };

const char *const forwarding_names[FORWARDING_LINKS] = {"acme", "lan0"};

/* ---- the machine ---- */

static int open_tun(const char *name)
{
        struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
        int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

        memcpy(request.ifr_name, name, strlen(name) + 1);
        if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) {
                fprintf(stderr, "SKIPPED: no TUN: %s\n", strerror(errno));
                skip();
        }
        return fd;
}

void forwarding_open(struct forwarding *m)
{
        enter_netns();
        *m = (struct forwarding){.serial = UINT32_C(0x5e000000)};
        for (int i = 0; i < FORWARDING_LINKS; i++)
                m->tun[i] = open_tun(forwarding_names[i]);
        run("cd /proc/sys/net && echo 1 >ipv4/ip_forward && echo 1 >ipv6/conf/all/forwarding"
            " && for i in all acme lan0; do"
            " echo 0 >ipv4/conf/$i/rp_filter; echo 0 >ipv4/conf/$i/send_redirects; done"
            " && ip link set acme up && ip link set lan0 up");
}

void forwarding_close(struct forwarding *m)
{
        for (int i = 0; i < FORWARDING_LINKS; i++)
                close(m->tun[i]);
}

static void add_route(const struct wg_prefix *prefix, const char *link)
{
        char text[TL_ADDRESS_PREFIX_SIZE], command[128];

        tl_address_format_prefix(text, prefix);
        snprintf(command, sizeof(command), "ip route replace %s dev %s", text, link);
        run(command);
}

static void add_address(const struct wg_ip *ip, const char *link)
{
        char text[TL_ADDRESS_IP_SIZE], command[128];

        if (ip->family == WG_FAMILY_NONE)
                return;
        tl_address_format_ip(text, ip);
        snprintf(command, sizeof(command), "ip address replace %s dev %s%s", text, link,
                 ip->family == WG_FAMILY_IPV6 ? " nodad" : "");
        run(command);
}

static void load(const char *table)
{
        FILE *nft = popen("nft -f -", "w");

        assert_non_null(nft);
        fprintf(nft, "table inet tieline-acme\ndelete table inet tieline-acme\n%s", table);
        assert_int_equal(pclose(nft), 0);
}

void forwarding_become(const struct tl_model *model, const struct tl_nodeplan *plan)
{
        uint32_t site = model->nodes[plan->node].site;

        run("ip address flush dev acme; ip address flush dev lan0; ip route flush dev acme;"
            " ip route flush dev lan0; ip -6 route flush dev acme; ip -6 route flush dev lan0");
        for (uint32_t i = 0; i < plan->address_count; i++)
                add_address(&plan->addresses[i].ip, forwarding_names[FORWARDING_TUNNEL]);
        for (uint32_t i = 0; i < model->lan_count; i++) {
                if (model->lans[i].site != site)
                        continue;
                add_address(&model->lans[i].node_at, forwarding_names[FORWARDING_LAN]);
                add_route(&model->lans[i].prefix, forwarding_names[FORWARDING_LAN]);
        }
        for (uint32_t i = 0; i < plan->route_count; i++)
                if (plan->routes[i].kind == TL_PLANNED_LINK)
                        add_route(&plan->routes[i].prefix, forwarding_names[FORWARDING_TUNNEL]);
        load(plan->nft);
}

/* ---- packets ---- */

/* Waits for the packet with a serial number to come out of any link, which is returned; -1: none
 * does. Those of the kernel itself are skipped. */
static int receive(struct forwarding *m, uint8_t packet[RAW_PACKET_MOST], size_t *len)
{
        uint8_t serial[4];
        struct pollfd fds[FORWARDING_LINKS];

        wg_be32_store(serial, m->serial);
        for (int i = 0; i < FORWARDING_LINKS; i++)
                fds[i] = (struct pollfd){.fd = m->tun[i], .events = POLLIN};
        while (poll(fds, FORWARDING_LINKS, PATIENCE_MS) > 0)
                for (int i = 0; i < FORWARDING_LINKS; i++) {
                        ssize_t got = read(fds[i].fd, packet, RAW_PACKET_MOST);

                        if (got <= 0 || !memmem(packet, (size_t)got, serial, sizeof(serial)))
                                continue;
                        *len = (size_t)got;
                        return i;
                }
        return -1;
}

const char *forwarding_describe(char text[128], enum forwarding_link link, const uint8_t *packet)
{
        struct raw_packet_ends ends = raw_packet_read(packet);
        char from[TL_ADDRESS_IP_SIZE], to[TL_ADDRESS_IP_SIZE];

        tl_address_format_ip(from, &ends.from);
        tl_address_format_ip(to, &ends.to);
        snprintf(text, 128, "%s %s -> %s", forwarding_names[link], from, to);
        return text;
}

size_t forwarding_pass(struct forwarding *machine, const char *what, enum forwarding_link in,
                       const uint8_t *packet, size_t len, const char *wanted,
                       uint8_t out[RAW_PACKET_MOST])
{
        char text[128] = "nothing";
        size_t out_len = 0;
        int link;

        if (write(machine->tun[in], packet, len) != (ssize_t)len)
                fail_msg("%s: write: %s", what, strerror(errno));
        link = receive(machine, out, &out_len);
        if (link >= 0)
                (void)forwarding_describe(text, (enum forwarding_link)link, out);
        if (strcmp(text, wanted) != 0)
                fail_msg("%s: %s instead of %s", what, text, wanted);
        if (!raw_packet_is_sound(out, out_len))
                fail_msg("%s: wrong checksum", what);
        return out_len;
}
