/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lab/topology_addresses.h"

#include <string.h>

void tl_addresses_take(struct tl_builder *b, struct wg_prefix prefix)
{
        if (prefix.ip.family != WG_FAMILY_NONE)
                TL_BUILDER_APPEND(b, b, taken, taken_count, taken_capacity, prefix);
}

struct wg_prefix tl_addresses_get_alone(struct wg_ip ip)
{
        return (struct wg_prefix){ip, (uint8_t)wg_ip_bits(&ip)};
}

struct wg_ip tl_addresses_get_nth(const struct wg_prefix *prefix, uint8_t cidr, uint64_t n)
{
        uint64_t bits[2], low;
        struct wg_ip ip;

        wg_ip_load_bits(bits, prefix->ip.family, prefix->ip.bytes);
        if (prefix->ip.family == WG_FAMILY_IPV4) {
                bits[0] += n << (64 - cidr);
        } else if (cidr <= 64) {
                bits[0] += cidr ? n << (64 - cidr) : 0;
        } else {
                low = bits[1];
                bits[1] += n << (128 - cidr);
                bits[0] += bits[1] < low;
        }
        memset(&ip, 0, sizeof(ip));
        wg_ip_store_bits(&ip, prefix->ip.family, bits);
        if (prefix->ip.family == WG_FAMILY_IPV4)
                memset(ip.bytes + 4, 0, sizeof(ip.bytes) - 4);
        return ip;
}

static bool is_taken(const struct tl_builder *b, const struct wg_prefix *prefix)
{
        for (uint32_t i = 0; i < b->taken_count; i++)
                if (wg_prefix_overlaps(&b->taken[i], prefix))
                        return true;
        return false;
}

struct wg_prefix tl_addresses_choose(struct tl_builder *b, struct tl_range *range)
{
        for (;;) {
                struct wg_prefix prefix = {
                        tl_addresses_get_nth(&range->prefix, range->cidr, range->next++),
                        range->cidr};

                if (!wg_prefix_contains(&range->prefix, &prefix.ip))
                        break;
                if (is_taken(b, &prefix))
                        continue;
                tl_addresses_take(b, prefix);
                return prefix;
        }
        tl_findings_error(b->findings, b->model->network->name.at, NULL,
                          "the lab has no free prefix left for %s", range->what);
        return (struct wg_prefix){.ip = TL_NO_IP};
}

static struct tl_range make_range(uint8_t family, const uint8_t *first, uint8_t first_len,
                                  uint8_t prefix_len, uint8_t cidr, uint64_t next, const char *what)
{
        struct tl_range range = {.cidr = cidr, .next = next, .what = what};

        range.prefix.ip.family = family;
        memcpy(range.prefix.ip.bytes, first, first_len);
        range.prefix.cidr = prefix_len;
        return range;
}

void tl_addresses_init(struct tl_builder *b)
{
        static const uint8_t bench4[] = {198, 18}, shared4[] = {100, 64}, home4[] = {192, 168};
        static const uint8_t bench6[] = {0x20, 0x01, 0, 2},
                             link6[] = {0x20, 0x01, 0, 2, 0, 0, 0x80};
        static const uint8_t home6[] = {0x20, 0x01, 0, 2, 0, 1};
        static const uint8_t hop6[16] = {0xfe, 0x80, [15] = 1};

        b->public4 = make_range(WG_FAMILY_IPV4, bench4, 2, 15, 32, 1, "public addresses");
        b->transit4 = make_range(WG_FAMILY_IPV4, shared4, 2, 10, 30, 0, "links to providers");
        b->homes4 = make_range(WG_FAMILY_IPV4, home4, 2, 16, 24, 1, "homes");
        b->public6 = make_range(WG_FAMILY_IPV6, bench6, 4, 49, 128, 1, "public addresses");
        b->transit6 = make_range(WG_FAMILY_IPV6, link6, 7, 49, 64, 0, "links to providers");
        b->homes6 = make_range(WG_FAMILY_IPV6, home6, 6, 48, 64, 0, "homes");
        b->hop6.family = WG_FAMILY_IPV6;
        memcpy(b->hop6.bytes, hop6, sizeof(hop6));
}

/* Whether something of the file has this address in a LAN of a site, or the address stands in for
 * others. Wishes and services of all sites count: their number is small. */
static bool is_used(const struct tl_builder *b, uint32_t site, const struct wg_ip *ip)
{
        const struct tl_model *model = b->model;
        const struct tl_topology *topology = b->topology;
        const struct tl_site *of = &model->sites[site];

        for (uint32_t i = of->host_first; i < of->host_first + of->host_count; i++)
                if (wg_ip_equal(&model->hosts[i].ip4, ip) || wg_ip_equal(&model->hosts[i].ip6, ip))
                        return true;
        for (uint32_t i = 0; i < model->service_count; i++)
                if (wg_ip_equal(&model->services[i].ip4, ip) ||
                    wg_ip_equal(&model->services[i].ip6, ip))
                        return true;
        for (uint32_t i = of->lan_first; i < of->lan_first + of->lan_count; i++)
                if (wg_ip_equal(&b->seats[i].router, ip) || wg_ip_equal(&b->seats[i].node, ip))
                        return true;
        for (uint32_t i = 0; i < of->in_file->stand_in_count; i++)
                if (wg_prefix_contains(&of->in_file->stand_ins[i].here.prefix, ip))
                        return true;
        for (uint32_t i = 0; i < b->wish_count; i++)
                if (wg_ip_equal(&b->wishes[i].end.ip, ip))
                        return true;
        for (uint32_t i = 0; i < topology->machine_count; i++)
                if ((topology->machines[i].node != TL_MODEL_NONE ||
                     topology->machines[i].site == site) &&
                    (wg_ip_equal(&topology->machines[i].ip4, ip) ||
                     wg_ip_equal(&topology->machines[i].ip6, ip)))
                        return true;
        return false;
}

struct wg_ip tl_addresses_choose_in_lan(struct tl_builder *b, const struct tl_lan *lan)
{
        uint8_t all = (uint8_t)wg_ip_bits(&lan->prefix.ip);
        struct wg_ip last = wg_prefix_last(&lan->prefix);

        for (uint64_t n = lan->prefix.cidr >= all - 1 ? 0 : 1; n <= TL_TOPOLOGY_MACHINES_MAX; n++) {
                struct wg_ip ip = tl_addresses_get_nth(&lan->prefix, all, n);

                if (!wg_prefix_contains(&lan->prefix, &ip))
                        break;
                if (lan->prefix.cidr < all - 1 && wg_ip_equal(&ip, &last))
                        break; /* the broadcast address */
                if (!is_used(b, lan->site, &ip))
                        return ip;
        }
        tl_findings_error(b->findings, lan->at, "use a larger LAN",
                          "the lab has no free address left in this LAN");
        return TL_NO_IP;
}
