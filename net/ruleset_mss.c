/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/ruleset_mss.h"

#include <inttypes.h>

#include "conf/address.h"
#include "net/prefixes.h"

enum { IPV4_AND_TCP = 40, IPV6_AND_TCP = 60 }; /* bytes of headers before a segment */

static const uint8_t families[] = {WG_FAMILY_IPV4, WG_FAMILY_IPV6};

struct clamp {
        FILE *out;
        const struct tl_nodeplan *plan;
        uint32_t most;  /* the MTU of most paths */
        uint32_t *mtus; /* the others, each once */
        uint32_t mtu_count, mtu_capacity;
        bool has_wide[2]; /* per family: some paths are wider than most */
};

/* ---- the MTUs of routes ---- */

static uint32_t mtu_of(const struct clamp *c, const struct tl_planned_route *route)
{
        return route->mtu ? route->mtu : c->plan->mtu;
}

/* The MTU of the pools: of paths that have no route of their own. */
static uint32_t find_most(const struct clamp *c, const struct tl_model *model)
{
        const struct wg_prefix *pool = model->pool4.ip.family == WG_FAMILY_NONE ? &model->pool6
                                                                                : &model->pool4;

        for (uint32_t i = 0; i < c->plan->route_count; i++)
                if (c->plan->routes[i].kind == TL_PLANNED_LINK &&
                    tl_prefixes_compare(&c->plan->routes[i].prefix, pool) == 0)
                        return mtu_of(c, &c->plan->routes[i]);
        return c->plan->mtu;
}

static bool has_mtu(const struct clamp *c, uint32_t mtu)
{
        for (uint32_t i = 0; i < c->mtu_count; i++)
                if (c->mtus[i] == mtu)
                        return true;
        return false;
}

static bool add_mtu(struct clamp *c, struct tl_arena *arena, uint32_t mtu)
{
        uint32_t *larger;

        if (mtu == c->most || has_mtu(c, mtu))
                return true;
        larger = tl_arena_grow(arena, c->mtus, c->mtu_count, &c->mtu_capacity, sizeof(*larger));
        if (!larger)
                return false;
        c->mtus = larger;
        larger[c->mtu_count++] = mtu;
        return true;
}

static bool list_mtus(struct clamp *c, struct tl_arena *arena)
{
        for (uint32_t i = 0; i < c->plan->route_count; i++)
                if (c->plan->routes[i].kind == TL_PLANNED_LINK &&
                    !add_mtu(c, arena, mtu_of(c, &c->plan->routes[i])))
                        return false;
        return true;
}

/* ---- sets ---- */

/* Routes whose MTU is in a range. */
struct range {
        uint32_t first, last;
};

static const struct tl_planned_route *find_route(const struct clamp *c, uint32_t from,
                                                 uint8_t family, struct range range)
{
        for (uint32_t i = from; i < c->plan->route_count; i++) {
                const struct tl_planned_route *route = &c->plan->routes[i];

                if (route->kind == TL_PLANNED_LINK && route->prefix.ip.family == family &&
                    mtu_of(c, route) >= range.first && mtu_of(c, route) <= range.last)
                        return route;
        }
        return NULL;
}

/* Writes the prefixes of these routes as the set NAME4 or NAME6, if there are any. */
static bool write_set(const struct clamp *c, const char *name, uint8_t family, struct range range)
{
        const struct tl_planned_route *route = find_route(c, 0, family, range);

        if (!route)
                return false;
        fprintf(c->out,
                "\tset %s%u {\n"
                "\t\ttype ipv%u_addr\n"
                "\t\tflags interval\n"
                "\t\telements = {\n",
                name, family, family);
        while (route) {
                char prefix[TL_ADDRESS_PREFIX_SIZE];

                tl_address_format_prefix(prefix, &route->prefix);
                fprintf(c->out, "\t\t\t%s,\n", prefix);
                route = find_route(c, (uint32_t)(route - c->plan->routes) + 1, family, range);
        }
        fputs("\t\t}\n\t}\n", c->out);
        return true;
}

/* "mtu1320-", the start of a set's name. */
enum { NAME_SIZE = 24 };

static const char *name_set(char name[NAME_SIZE], uint32_t mtu)
{
        snprintf(name, NAME_SIZE, "mtu%" PRIu32 "-", mtu);
        return name;
}

static void write_sets(struct clamp *c)
{
        char name[NAME_SIZE];

        for (unsigned int i = 0; i < WG_ARRAY_SIZE(families); i++) {
                c->has_wide[i] = write_set(c, "wide", families[i],
                                           (struct range){c->most + 1, UINT32_MAX});
                for (uint32_t k = 0; k < c->mtu_count; k++)
                        (void)write_set(c, name_set(name, c->mtus[k]), families[i],
                                        (struct range){c->mtus[k], c->mtus[k]});
        }
}

/* ---- rules ---- */

/* The addresses of the other end, in the rules of a direction. */
static const struct direction {
        const char *link, *address;
} directions[] = {{"iifname", "saddr"}, {"oifname", "daddr"}};

static void write_begin(const struct clamp *c, const struct direction *direction)
{
        fprintf(c->out, "\t\t%s \"%s\" ", direction->link, c->plan->ifname);
}

static void write_size(const struct clamp *c, uint8_t family, uint32_t mtu)
{
        fprintf(c->out, "tcp flags syn / syn,rst tcp option maxseg size set %" PRIu32 "\n",
                mtu - (family == WG_FAMILY_IPV4 ? IPV4_AND_TCP : IPV6_AND_TCP));
}

static const char *word(uint8_t family)
{
        return family == WG_FAMILY_IPV4 ? "ip" : "ip6";
}

static void write_rules(const struct clamp *c, const struct direction *direction, unsigned int i)
{
        uint8_t family = families[i];
        char name[NAME_SIZE];

        write_begin(c, direction);
        if (c->has_wide[i])
                fprintf(c->out, "%s %s != @wide%u ", word(family), direction->address, family);
        else
                fprintf(c->out, "meta nfproto ipv%u ", family);
        write_size(c, family, c->most);
        for (uint32_t k = 0; k < c->mtu_count; k++) {
                if (!find_route(c, 0, family, (struct range){c->mtus[k], c->mtus[k]}))
                        continue;
                write_begin(c, direction);
                fprintf(c->out, "%s %s @%s%u ", word(family), direction->address,
                        name_set(name, c->mtus[k]), family);
                write_size(c, family, c->mtus[k]);
        }
}

/* Both directions, because the other end may not clamp, and a device behind this node may have
 * blocked the messages that discovery of the path MTU needs. Rules come one after the other, since
 * the kernel only lowers the size. */
static void write_chain(const struct clamp *c)
{
        fprintf(c->out, "\tchain clamp {\n"
                        "\t\ttype filter hook forward priority mangle; policy accept;\n");
        for (unsigned int i = 0; i < WG_ARRAY_SIZE(directions); i++)
                for (unsigned int k = 0; k < WG_ARRAY_SIZE(families); k++)
                        write_rules(c, &directions[i], k);
        fprintf(c->out, "\t}\n");
}

bool tl_ruleset_mss_write(FILE *out, const struct tl_nodeplan *plan, const struct tl_model *model)
{
        struct clamp c = {.out = out, .plan = plan};
        struct tl_arena arena = {0};
        bool is_good;

        c.most = find_most(&c, model);
        is_good = list_mtus(&c, &arena);
        if (is_good) {
                write_sets(&c);
                write_chain(&c);
        }
        tl_arena_done(&arena);
        return is_good;
}
