/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/ruleset_nat.h"

#include <stdbool.h>

#include "conf/address.h"
#include "net/prefixes.h"
#include "net/travel.h"

struct nat {
        FILE *out;
        const char *ifname;
        const struct tl_model *model;
        uint32_t site;
        uint32_t lan_first, lan_end; /* of the site */
};

/* ---- sets and maps ---- */

/* One that is being written. It begins with its first element, so that there is no empty one. */
struct set {
        const struct nat *nat;
        const char *name;
        uint8_t family;
        bool is_map; /* of prefixes to prefixes; otherwise a set of pairs */
        uint32_t count;
};

static void begin(const struct set *set)
{
        fprintf(set->nat->out,
                "\t%s %s%u {\n"
                "\t\ttype ipv%u_addr %s ipv%u_addr\n"
                "\t\tflags interval\n"
                "\t\telements = {\n",
                set->is_map ? "map" : "set", set->name, set->family, set->family,
                set->is_map ? ": interval" : ".", set->family);
}

static void add(struct set *set, const struct wg_prefix *a, const struct wg_prefix *b)
{
        char first[TL_ADDRESS_PREFIX_SIZE], second[TL_ADDRESS_PREFIX_SIZE];

        if (a->ip.family != set->family || b->ip.family != set->family)
                return;
        if (set->count++ == 0)
                begin(set);
        tl_address_format_prefix(first, a);
        tl_address_format_prefix(second, b);
        fprintf(set->nat->out, "\t\t\t%s %c %s,\n", first, set->is_map ? ':' : '.', second);
}

/* Returns whether there is such a set. */
static bool end(const struct set *set)
{
        if (set->count)
                fputs("\t\t}\n\t}\n", set->nat->out);
        return set->count > 0;
}

/* ---- what is translated ---- */

/* Mapped prefixes of the site to its LANs. */
static bool write_to_lan(const struct nat *nat)
{
        struct set set = {.nat = nat, .name = "to-lan", .family = WG_FAMILY_IPV4, .is_map = true};

        for (uint32_t i = nat->lan_first; i < nat->lan_end; i++)
                add(&set, &nat->model->lans[i].mapped, &nat->model->lans[i].prefix);
        return end(&set);
}

static bool write_stand_ins(const struct nat *nat, uint8_t family)
{
        struct set set = {.nat = nat, .name = "stand-ins", .family = family, .is_map = true};

        for (uint32_t i = 0; i < nat->model->stand_in_count; i++) {
                const struct tl_stand_in *stand_in = &nat->model->stand_ins[i];

                if (nat->model->lans[stand_in->lan].site == nat->site)
                        add(&set, &stand_in->here, &stand_in->there);
        }
        return end(&set);
}

/* LANs to their mapped prefixes: those that everybody sees so, or the others. */
static bool write_from_lan(const struct nat *nat, const char *name, bool is_mapped)
{
        struct set set = {.nat = nat, .name = name, .family = WG_FAMILY_IPV4, .is_map = true};

        for (uint32_t i = nat->lan_first; i < nat->lan_end; i++)
                if (tl_lan_is_mapped(&nat->model->lans[i]) == is_mapped)
                        add(&set, &nat->model->lans[i].prefix, &nat->model->lans[i].mapped);
        return end(&set);
}

/* The LAN and each node that is known to be in a network with the same prefix: packets from the LAN
 * would seem to come from there. Presences are sorted by node. */
static void add_hidden(struct set *set, const struct tl_lan *lan)
{
        const struct tl_model *model = set->nat->model;
        uint32_t last = TL_MODEL_NONE;

        for (uint32_t i = 0; i < model->presence_count; i++) {
                const struct tl_presence *presence = &model->presences[i];
                const struct wg_prefix to = tl_prefixes_single(&model->nodes[presence->node].ip4);

                if (!presence->is_declared || presence->node == last ||
                    !wg_prefix_overlaps(&presence->prefix, &lan->wire))
                        continue;
                last = presence->node;
                add(set, &lan->prefix, &to);
        }
}

static bool write_hidden(const struct nat *nat)
{
        struct set set = {.nat = nat, .name = "hidden", .family = WG_FAMILY_IPV4};

        for (uint32_t i = nat->lan_first; i < nat->lan_end; i++)
                if (nat->model->lans[i].mapped.ip.family != WG_FAMILY_NONE &&
                    !tl_lan_is_mapped(&nat->model->lans[i]))
                        add_hidden(&set, &nat->model->lans[i]);
        return end(&set) && write_from_lan(nat, "shown", false);
}

static void add_pair(struct set *set, const struct wg_prefix *from, uint32_t lan)
{
        const struct tl_model *model = set->nat->model;

        if (from->ip.family == set->family && tl_travel_in(model, lan, from).mode == TL_TRAVEL_SNAT)
                add(set, from, &model->lans[lan].prefix);
}

/* The pairs of a source and an own LAN that travel by SNAT. */
static bool write_pairs(const struct nat *nat, uint8_t family)
{
        struct set set = {.nat = nat, .name = "snat", .family = family};
        const struct tl_model *model = nat->model;

        for (uint32_t lan = nat->lan_first; lan < nat->lan_end; lan++) {
                add_pair(&set, &model->pool4, lan);
                add_pair(&set, &model->pool6, lan);
                for (uint32_t i = 0; i < model->lan_count; i++)
                        if (model->lans[i].site != nat->site)
                                add_pair(&set, &model->lans[i].wire, lan);
        }
        return end(&set);
}

/* ---- chains ---- */

static const char *word(uint8_t family)
{
        return family == WG_FAMILY_IPV4 ? "ip" : "ip6";
}

static void begin_chain(const struct nat *nat, const char *name, const char *hook,
                        const char *priority)
{
        fprintf(nat->out,
                "\tchain %s {\n"
                "\t\ttype nat hook %s priority %s; policy accept;\n",
                name, hook, priority);
}

static void write_destination(const struct nat *nat)
{
        bool has_mapped = write_to_lan(nat), has_4 = write_stand_ins(nat, WG_FAMILY_IPV4),
             has_6 = write_stand_ins(nat, WG_FAMILY_IPV6);

        if (!has_mapped && !has_4 && !has_6)
                return;
        begin_chain(nat, "destination_nat", "prerouting", "dstnat");
        if (has_mapped)
                fprintf(nat->out, "\t\tiifname \"%s\" dnat ip prefix to ip daddr map @to-lan4\n",
                        nat->ifname);
        if (has_4)
                fprintf(nat->out,
                        "\t\tiifname != \"%s\" dnat ip prefix to ip daddr map @stand-ins4\n",
                        nat->ifname);
        if (has_6)
                fprintf(nat->out,
                        "\t\tiifname != \"%s\" dnat ip6 prefix to ip6 daddr map @stand-ins6\n",
                        nat->ifname);
        fputs("\t}\n", nat->out);
}

static void write_masquerade(const struct nat *nat, uint8_t family)
{
        fprintf(nat->out, "\t\tiifname \"%s\" %s saddr . %s daddr @snat%u masquerade\n",
                nat->ifname, word(family), word(family), family);
}

static void write_source(const struct nat *nat)
{
        bool has_hidden = write_hidden(nat), has_mapped = write_from_lan(nat, "from-lan", true),
             has_4 = write_pairs(nat, WG_FAMILY_IPV4), has_6 = write_pairs(nat, WG_FAMILY_IPV6);

        if (!has_hidden && !has_mapped && !has_4 && !has_6)
                return;
        begin_chain(nat, "source_nat", "postrouting", "srcnat");
        if (has_hidden)
                fprintf(nat->out,
                        "\t\toifname \"%s\" ip saddr . ip daddr @hidden4 "
                        "snat ip prefix to ip saddr map @shown4\n",
                        nat->ifname);
        if (has_mapped)
                fprintf(nat->out, "\t\toifname \"%s\" snat ip prefix to ip saddr map @from-lan4\n",
                        nat->ifname);
        if (has_4)
                write_masquerade(nat, WG_FAMILY_IPV4);
        if (has_6)
                write_masquerade(nat, WG_FAMILY_IPV6);
        fputs("\t}\n", nat->out);
}

void tl_ruleset_nat_write(FILE *out, const char *ifname, const struct tl_model *model,
                          uint32_t site)
{
        struct nat nat = {.out = out,
                          .ifname = ifname,
                          .model = model,
                          .site = site,
                          .lan_first = model->sites[site].lan_first,
                          .lan_end = model->sites[site].lan_first + model->sites[site].lan_count};

        write_destination(&nat);
        write_source(&nat);
}
