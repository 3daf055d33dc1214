/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "host/facts.h"

#include <dirent.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/address.h"
#include "host/run.h"
#include "host/setting.h"

#define SPACE " \t\n"
#define CONF "net/ipv4/conf"

enum { ENDPOINTS_ASKED = 64 };

uint32_t tl_facts_link_mtu(const char *ifname)
{
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct ifreq request = {0};
        uint32_t mtu = 0;

        if (fd < 0)
                return 0;
        snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", ifname);
        if (ioctl(fd, SIOCGIFMTU, &request) == 0)
                mtu = (uint32_t)request.ifr_mtu;
        close(fd);
        return mtu;
}

/* Truncates an answer after its first route, whose continuation lines are indented. */
static void keep_first_route(char *answer)
{
        for (char *c = answer; *c; c++)
                if (c[0] == '\n' && c[1] != ' ' && c[1] != '\t')
                        *c = '\0';
}

/* Returns the MTU of a route as `ip route` prints it, or else the MTU of its link. 0: unknown, or
 * the route leads to this machine, as with a local proxy, because we do not know the route of the
 * proxy's own traffic. */
static uint32_t read_route(char *answer)
{
        const char *before = "", *dev = NULL;
        char *rest = NULL;
        uint32_t mtu = 0;

        keep_first_route(answer);
        for (char *word = strtok_r(answer, SPACE, &rest); word;
             word = strtok_r(NULL, SPACE, &rest)) {
                if (strcmp(before, "mtu") == 0 && strcmp(word, "lock") == 0)
                        continue;
                if (strcmp(before, "mtu") == 0)
                        mtu = (uint32_t)strtoul(word, NULL, 10);
                else if (strcmp(before, "dev") == 0 && !dev)
                        dev = word;
                before = word;
        }
        if (!dev || strcmp(dev, "lo") == 0)
                return 0;
        return mtu ? mtu : tl_facts_link_mtu(dev);
}

static uint32_t ask_route(const char *command)
{
        char answer[1024];

        return tl_run_ask(command, answer, sizeof(answer)) ? read_route(answer) : 0;
}

bool tl_facts_is_table_free(uint32_t table)
{
        char command[64], answer[8];

        snprintf(command, sizeof(command), "ip -4 route show table %u", table);
        if (tl_run_ask(command, answer, sizeof(answer)) && answer[0])
                return false;
        snprintf(command, sizeof(command), "ip -6 route show table %u", table);
        return !tl_run_ask(command, answer, sizeof(answer)) || !answer[0];
}

/* The MTU of the route that outer packets with this mark take to an endpoint. */
static uint32_t find_endpoint_mtu(const struct tl_change_peer *peer, uint32_t mark)
{
        char command[TL_ADDRESS_IP_SIZE + 48], text[TL_ADDRESS_IP_SIZE], zone[IF_NAMESIZE];

        if (peer->zone[0])
                return tl_facts_link_mtu(peer->zone);
        if (peer->endpoint.scope)
                return if_indextoname(peer->endpoint.scope, zone) ? tl_facts_link_mtu(zone) : 0;
        tl_address_format_ip(text, &peer->endpoint.ip);
        if (mark)
                snprintf(command, sizeof(command), "ip route get %s mark %u", text, mark);
        else
                snprintf(command, sizeof(command), "ip route get %s", text);
        return ask_route(command);
}

uint32_t tl_facts_path_mtu(const struct tl_change *device)
{
        uint32_t mtu = 0, asked = 0;

        for (uint32_t i = 0; i < device->peer_count && asked < ENDPOINTS_ASKED; i++) {
                const struct tl_change_peer *peer = tl_change_peer_at(device, i);

                if (!peer->has_endpoint || peer->endpoint.ip.family == WG_FAMILY_NONE)
                        continue;
                mtu = WG_MAX(mtu, find_endpoint_mtu(peer, device->fwmark));
                asked++;
        }
        if (!mtu)
                mtu = ask_route("ip -4 route show default");
        return mtu ? mtu : ask_route("ip -6 route show default");
}

/* A link that does not exist yet will get the default setting. */
bool tl_facts_lacks_ipv6(const char *ifname)
{
        char path[64], value[TL_SETTING_SIZE];
        int fd;

        snprintf(path, sizeof(path), "net/ipv6/conf/%s/disable_ipv6",
                 if_nametoindex(ifname) ? ifname : "default");
        if (tl_setting_read(path, value) == 0)
                return strcmp(value, "0") != 0;
        fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd >= 0)
                close(fd);
        return fd < 0;
}

static int read_filter(const char *ifname)
{
        char path[NAME_MAX + 64], value[TL_SETTING_SIZE];

        snprintf(path, sizeof(path), CONF "/%s/rp_filter", ifname);
        return tl_setting_read(path, value) == 0 ? value[0] - '0' : 0;
}

/* Whether an entry of the directory belongs to a link other than this one. */
static bool is_other_link(const char *entry, const char *ifname)
{
        static const char *const others[] = {".", "..", "all", "lo"};

        for (size_t i = 0; i < WG_ARRAY_SIZE(others); i++)
                if (strcmp(entry, others[i]) == 0)
                        return false;
        return strcmp(entry, ifname) != 0;
}

/* The kernel uses the greater of the values for all and for the link; 1 is strict, 2 is loose. */
bool tl_facts_filters_strictly(const char *ifname)
{
        int all = read_filter("all");
        DIR *directory = opendir("/proc/sys/" CONF);
        struct dirent *entry;
        bool is_strict = false;

        if (!directory)
                return false;
        while (!is_strict && (entry = readdir(directory)))
                is_strict = is_other_link(entry->d_name, ifname) &&
                            WG_MAX(all, read_filter(entry->d_name)) == 1;
        closedir(directory);
        return is_strict;
}
