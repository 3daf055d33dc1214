/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/diff.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "conf/base64.h"
#include "node/iptext.h"
#include "node/settings.h"

WG_ENUM_DEFINE(tl_diff_kind, TL_DIFF_KINDS)
WG_ENUM_DEFINE(tl_diff_verb, TL_DIFF_VERBS)

/* What is being made. The first failure sticks. */
struct maker {
        struct tl_diff *diff;
        const struct tl_state *from, *to;
        const struct tl_model *model;
        bool is_good;
};

/* Adds a difference. NULL texts: memory has run out. */
static void add(struct maker *maker, enum tl_diff_kind kind, enum tl_diff_verb verb, uint32_t index,
                const char *what, const char *detail)
{
        struct tl_diff *diff = maker->diff;
        struct tl_difference *bigger = tl_arena_grow(&diff->arena, diff->items, diff->count,
                                                     &diff->capacity, sizeof(*bigger));

        maker->is_good = maker->is_good && bigger && what && detail;
        if (!maker->is_good)
                return;
        diff->items = bigger;
        diff->items[diff->count++] = (struct tl_difference){kind, verb, what, detail, index};
}

/* ---- lists of objects ---- */

/* Objects of a kind in a state, sorted. */
struct objects {
        const void *items;
        uint32_t count;
};

/* A kind of which a state has a list. */
struct list {
        enum tl_diff_kind kind;
        size_t size; /* of an item */
        struct objects (*objects)(const struct tl_state *state);
        int (*compare)(const void *a, const void *b);
        const char *(*describe)(struct maker *maker, const struct tl_state *state,
                                const void *item);
};

static const void *item_at(const struct list *list, const struct objects *objects, uint32_t i)
{
        return (const char *)objects->items + i * list->size;
}

/* The item that equals another one, at or after *from, which moves there; NULL: there is none. */
static const void *find_equal(const struct list *list, const struct objects *objects,
                              const void *item, uint32_t *from)
{
        int order = -1;

        while (*from < objects->count) {
                order = list->compare(item_at(list, objects, *from), item);
                if (order >= 0)
                        break;
                (*from)++;
        }
        return order == 0 ? item_at(list, objects, *from) : NULL;
}

/* Adds the objects that only state `a` has. */
static void compare_lists(struct maker *maker, const struct list *list, enum tl_diff_verb verb,
                          const struct tl_state *a, const struct tl_state *b)
{
        struct objects mine = list->objects(a), others = list->objects(b);

        for (uint32_t i = 0, k = 0; i < mine.count; i++) {
                const void *item = item_at(list, &mine, i);

                if (!find_equal(list, &others, item, &k))
                        add(maker, list->kind, verb, i, list->describe(maker, a, item), "");
        }
}

/* ---- table ---- */

struct lines {
        const char **items;
        uint32_t count;
};

static int compare_lines(const void *a, const void *b)
{
        const char *x = *(const char *const *)a, *y = *(const char *const *)b;
        size_t x_len = strcspn(x, "\n"), y_len = strcspn(y, "\n");
        int order = memcmp(x, y, WG_MIN(x_len, y_len));

        return order ? order : (x_len > y_len) - (x_len < y_len);
}

/* The lines of a text, sorted. They end at a newline, not with a zero byte. */
static bool sort_lines(struct tl_arena *arena, const char *text, struct lines *lines)
{
        uint32_t count = 0;

        for (const char *c = text; *c; c++)
                count += *c == '\n';
        lines->count = 0;
        lines->items = tl_arena_take(arena, count, sizeof(*lines->items));
        if (!lines->items)
                return false;
        for (const char *line = text; lines->count < count; line += strcspn(line, "\n") + 1)
                lines->items[lines->count++] = line;
        if (count)
                qsort(lines->items, count, sizeof(*lines->items), compare_lines);
        return true;
}

/* The number of lines that only one of two sorted lists has; of the one that has more of these. */
static uint32_t count_differences(const struct lines *a, const struct lines *b)
{
        uint32_t only_a = 0, only_b = 0, i = 0, k = 0;

        while (i < a->count || k < b->count) {
                int order = i == a->count   ? 1
                            : k == b->count ? -1
                                            : compare_lines(&a->items[i], &b->items[k]);

                only_a += order < 0;
                only_b += order > 0;
                i += order <= 0;
                k += order >= 0;
        }
        return WG_MAX(only_a, only_b);
}

static const char *describe_table(struct maker *maker)
{
        struct tl_arena *arena = &maker->diff->arena;
        struct lines before, after;
        uint32_t count;

        if (!sort_lines(arena, maker->from->table_form, &before) ||
            !sort_lines(arena, maker->to->table_form, &after))
                return NULL;
        count = count_differences(&before, &after);
        if (!count)
                return "the order differs";
        return tl_arena_format(arena, "%" PRIu32 " %s", count,
                               count == 1 ? "entry differs" : "entries differ");
}

static void compare_tables(struct maker *maker)
{
        const struct tl_state *from = maker->from, *to = maker->to;

        if (to->table_name && !from->table_name)
                add(maker, TL_DIFF_TABLE, TL_DIFF_ADD, 0, to->table_name, "");
        else if (to->table_name && strcmp(from->table_form, to->table_form) != 0)
                add(maker, TL_DIFF_TABLE, TL_DIFF_CHANGE, 0, to->table_name, describe_table(maker));
}

/* ---- link ---- */

static const char *describe_numbers(struct maker *maker, uint32_t before, uint32_t after)
{
        if (!before)
                return tl_arena_format(&maker->diff->arena, "%" PRIu32, after);
        return tl_arena_format(&maker->diff->arena, "%" PRIu32 " -> %" PRIu32, before, after);
}

static struct objects addresses_of(const struct tl_state *state)
{
        return (struct objects){state->addresses, state->address_count};
}

static const char *describe_address(struct maker *maker, const struct tl_state *state,
                                    const void *item)
{
        const struct tl_planned_address *address = item;
        char text[TL_ADDRESS_IP_SIZE];

        (void)state;
        tl_address_format_ip(text, &address->ip);
        return tl_arena_format(&maker->diff->arena, "%s/%u", text, address->cidr);
}

static const struct list addresses = {
        .kind = TL_DIFF_ADDRESS,
        .size = sizeof(struct tl_planned_address),
        .objects = addresses_of,
        .compare = tl_state_compare_addresses,
        .describe = describe_address,
};

static void compare_links(struct maker *maker)
{
        const struct tl_state *from = maker->from, *to = maker->to;
        uint16_t port = from->device ? from->device->listen_port : 0;

        if (!from->has_link)
                add(maker, TL_DIFF_DAEMON, TL_DIFF_ADD, 0, "tielined", "");
        if (!from->has_key && to->has_key)
                add(maker, TL_DIFF_KEY, TL_DIFF_CHANGE, 0, "", "");
        if (to->device->has_listen_port && to->device->listen_port &&
            port != to->device->listen_port)
                add(maker, TL_DIFF_PORT, TL_DIFF_CHANGE, 0, "",
                    describe_numbers(maker, port, to->device->listen_port));
        if (to->mtu && from->mtu != to->mtu)
                add(maker, TL_DIFF_MTU, TL_DIFF_CHANGE, 0, "",
                    describe_numbers(maker, from->mtu, to->mtu));
        compare_lists(maker, &addresses, TL_DIFF_ADD, to, from);
        if (from->is_up != to->is_up)
                add(maker, TL_DIFF_LINK, TL_DIFF_CHANGE, 0, "", to->is_up ? "up" : "down");
}

/* ---- peers ---- */

struct peer {
        const struct tl_change *device;
        const struct tl_change_peer *peer;
        uint32_t index;
};

static int compare_peers(const void *a, const void *b)
{
        const struct peer *x = a, *y = b;

        return memcmp(x->peer->public_key, y->peer->public_key, TL_CONF_KEY_LEN);
}

static struct peer *sort_peers(struct tl_arena *arena, const struct tl_change *device)
{
        uint32_t count = device ? device->peer_count : 0;
        struct peer *peers = tl_arena_take(arena, count, sizeof(*peers));

        for (uint32_t i = 0; peers && i < count; i++)
                peers[i] = (struct peer){device, tl_change_peer_at(device, i), i};
        if (peers && count)
                qsort(peers, count, sizeof(*peers), compare_peers);
        return peers;
}

static const char *name_peer(struct maker *maker, const struct tl_change_peer *peer)
{
        uint32_t node = maker->model ? tl_model_find_key(maker->model, peer->public_key)
                                     : TL_MODEL_NONE;
        char key[TL_BASE64_LEN(TL_CONF_KEY_LEN) + 1] = "";

        if (node != TL_MODEL_NONE)
                return maker->model->nodes[node].name;
        tl_base64_encode(key, peer->public_key, TL_CONF_KEY_LEN);
        return tl_arena_copy(&maker->diff->arena, key, strlen(key));
}

static int compare_prefixes(const void *a, const void *b)
{
        const struct wg_prefix *x = a, *y = b;

        if (x->ip.family != y->ip.family)
                return x->ip.family < y->ip.family ? -1 : 1;
        if (x->cidr != y->cidr)
                return x->cidr < y->cidr ? -1 : 1;
        return memcmp(x->ip.bytes, y->ip.bytes, sizeof(x->ip.bytes));
}

static struct wg_prefix *sort_allowed_ips(struct tl_arena *arena, const struct peer *peer)
{
        uint32_t count = peer->peer->allowed_ip_count;
        struct wg_prefix *prefixes = tl_arena_take(arena, count, sizeof(*prefixes));

        for (uint32_t i = 0; prefixes && i < count; i++)
                prefixes[i] = tl_change_peer_allowed_ip(peer->device, peer->peer, i)->prefix;
        if (prefixes && count)
                qsort(prefixes, count, sizeof(*prefixes), compare_prefixes);
        return prefixes;
}

static void write_prefix(FILE *out, char sign, const struct wg_prefix *prefix)
{
        char text[TL_ADDRESS_PREFIX_SIZE];

        tl_address_format_prefix(text, prefix);
        fprintf(out, "%s%c%s", ftell(out) > 0 ? ", " : "", sign, text);
}

/* Writes the allowed IPs that only one of the two has: "+10.70.0.4/32, -10.70.0.5/32". */
static void write_allowed_ips(struct maker *maker, FILE *out, const struct peer *before,
                              const struct peer *after)
{
        struct tl_arena *arena = &maker->diff->arena;
        const struct wg_prefix *a = sort_allowed_ips(arena, before);
        const struct wg_prefix *b = sort_allowed_ips(arena, after);
        uint32_t a_count = before->peer->allowed_ip_count, i = 0;
        uint32_t b_count = after->peer->allowed_ip_count, k = 0;

        maker->is_good = maker->is_good && a && b;
        while (maker->is_good && (i < a_count || k < b_count)) {
                int order = i == a_count ? 1 : k == b_count ? -1 : compare_prefixes(&a[i], &b[k]);

                if (order < 0)
                        write_prefix(out, '-', &a[i]);
                else if (order > 0)
                        write_prefix(out, '+', &b[k]);
                i += order <= 0;
                k += order >= 0;
        }
}

/* Whether the endpoint of a peer shall change. One whose name does not resolve stays. */
static bool is_endpoint_new(const struct tl_change_peer *before, const struct tl_change_peer *after)
{
        if (!after->has_endpoint || after->endpoint.ip.family == WG_FAMILY_NONE)
                return false;
        return !before->has_endpoint || !wg_ip_equal(&before->endpoint.ip, &after->endpoint.ip) ||
               before->endpoint.port != after->endpoint.port;
}

static void write_endpoint(FILE *out, const struct tl_change_peer *peer)
{
        char text[TL_ADDRESS_ENDPOINT_SIZE];

        tl_address_format_endpoint(text, &peer->endpoint);
        fprintf(out, "%sendpoint %s", ftell(out) > 0 ? ", " : "", text);
}

static bool has_secret(const struct tl_change_peer *peer)
{
        return peer->has_preshared_key && !wg_is_zero(peer->preshared_key, TL_CONF_KEY_LEN);
}

static void write_peer(struct maker *maker, FILE *out, const struct peer *before,
                       const struct peer *after)
{
        const struct tl_change_peer *a = before->peer, *b = after->peer;

        write_allowed_ips(maker, out, before, after);
        if (is_endpoint_new(a, b))
                write_endpoint(out, b);
        if (b->has_persistent_keepalive && a->persistent_keepalive_s != b->persistent_keepalive_s)
                fprintf(out, "%skeepalive %u s", ftell(out) > 0 ? ", " : "",
                        b->persistent_keepalive_s);
        if (has_secret(a) != has_secret(b))
                fprintf(out, "%spreshared key", ftell(out) > 0 ? ", " : "");
}

static void compare_peer(struct maker *maker, const struct peer *before, const struct peer *after)
{
        char *text = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);

        maker->is_good = maker->is_good && out;
        if (!out)
                return;
        write_peer(maker, out, before, after);
        if (fclose(out) != 0)
                maker->is_good = false;
        if (maker->is_good && len)
                add(maker, TL_DIFF_PEER, TL_DIFF_CHANGE, after->index,
                    name_peer(maker, after->peer), tl_arena_copy(&maker->diff->arena, text, len));
        free(text);
}

static void compare_devices(struct maker *maker)
{
        const struct tl_change *from = maker->from->device, *to = maker->to->device;
        struct peer *a = sort_peers(&maker->diff->arena, from);
        struct peer *b = sort_peers(&maker->diff->arena, to);
        uint32_t a_count = from ? from->peer_count : 0, i = 0, k = 0;

        maker->is_good = maker->is_good && a && b;
        while (maker->is_good && (i < a_count || k < to->peer_count)) {
                int order = i == a_count          ? 1
                            : k == to->peer_count ? -1
                                                  : compare_peers(&a[i], &b[k]);

                if (order < 0)
                        add(maker, TL_DIFF_PEER, TL_DIFF_REMOVE, a[i].index,
                            name_peer(maker, a[i].peer), "");
                else if (order > 0)
                        add(maker, TL_DIFF_PEER, TL_DIFF_ADD, b[k].index,
                            name_peer(maker, b[k].peer), "");
                else
                        compare_peer(maker, &a[i], &b[k]);
                i += order <= 0;
                k += order >= 0;
        }
}

/* ---- settings ---- */

/* Those that make the machine forward, or the others. */
static void compare_settings(struct maker *maker, bool is_forwarding)
{
        const struct tl_state *from = maker->from, *to = maker->to;

        for (uint32_t i = 0; i < to->setting_count; i++) {
                const struct tl_planned_setting *wanted = &to->settings[i];
                const char *now = i < from->setting_count ? from->settings[i].value : "";

                if (tl_settings_is_forwarding(wanted->path) != is_forwarding ||
                    strcmp(now, wanted->value) == 0 ||
                    (wanted->only_if && strcmp(now, wanted->only_if) != 0))
                        continue;
                add(maker, TL_DIFF_SETTING, TL_DIFF_CHANGE, i, wanted->path,
                    tl_arena_format(&maker->diff->arena, "%s%s%s", now, *now ? " -> " : "",
                                    wanted->value));
        }
}

/* ---- routes ---- */

static struct objects routes_of(const struct tl_state *state)
{
        return (struct objects){state->routes, state->route_count};
}

static const char *describe_route(struct maker *maker, const struct tl_state *state,
                                  const void *item)
{
        const struct tl_planned_route *route = item;

        return tl_iptext_route(&maker->diff->arena, route, state->tables[route->table]);
}

static const struct list routes = {
        .kind = TL_DIFF_ROUTE,
        .size = sizeof(struct tl_planned_route),
        .objects = routes_of,
        .compare = tl_state_compare_routes,
        .describe = describe_route,
};

/* How a route will differ from that of the same prefix. The new way is in its description. */
static const char *describe_way(struct maker *maker, const struct tl_planned_route *before,
                                const struct tl_planned_route *after)
{
        struct tl_arena *arena = &maker->diff->arena;
        const char *way;

        if (before->mtu != after->mtu && after->mtu && before->mtu)
                return tl_arena_format(arena, "mtu %" PRIu32 " -> %" PRIu32, before->mtu,
                                       after->mtu);
        if (before->mtu != after->mtu && after->mtu)
                return tl_arena_format(arena, "mtu %" PRIu32, after->mtu);
        if (before->mtu != after->mtu)
                return tl_arena_format(arena, "mtu %" PRIu32 " -> that of the link", before->mtu);
        way = tl_iptext_way(arena, before);
        return way ? tl_arena_format(arena, "was %s", way) : NULL;
}

/* Adds the routes of the main table, or of the others, that the new state has and the old one lacks
 * or has in another way. */
static void compare_routes(struct maker *maker, bool is_main)
{
        struct objects before = routes_of(maker->from);
        const struct tl_state *to = maker->to;

        for (uint32_t i = 0, k = 0; i < to->route_count; i++) {
                const struct tl_planned_route *route = &to->routes[i], *old;
                const char *mtu = "";

                if ((route->table == TL_PLANNED_MAIN) != is_main)
                        continue;
                old = find_equal(&routes, &before, route, &k);
                if (!old && route->mtu)
                        mtu = tl_arena_format(&maker->diff->arena, "mtu %" PRIu32, route->mtu);
                if (!old)
                        add(maker, TL_DIFF_ROUTE, TL_DIFF_ADD, i, describe_route(maker, to, route),
                            mtu);
                else if (!tl_state_is_same_way(old, route))
                        add(maker, TL_DIFF_ROUTE, TL_DIFF_CHANGE, i,
                            describe_route(maker, to, route), describe_way(maker, old, route));
        }
}

/* ---- rules and proxy entries ---- */

static struct objects rules_of(const struct tl_state *state)
{
        return (struct objects){state->rules, state->rule_count};
}

static const char *describe_rule(struct maker *maker, const struct tl_state *state,
                                 const void *item)
{
        (void)state;
        return tl_iptext_rule(&maker->diff->arena, item);
}

static const struct list rules = {
        .kind = TL_DIFF_RULE,
        .size = sizeof(struct tl_rule),
        .objects = rules_of,
        .compare = tl_state_compare_rules,
        .describe = describe_rule,
};

static struct objects proxies_of(const struct tl_state *state)
{
        return (struct objects){state->proxies, state->proxy_count};
}

static const char *describe_proxy(struct maker *maker, const struct tl_state *state,
                                  const void *item)
{
        (void)state;
        return tl_iptext_proxy(&maker->diff->arena, item);
}

static const struct list proxies = {
        .kind = TL_DIFF_PROXY,
        .size = sizeof(struct tl_planned_proxy),
        .objects = proxies_of,
        .compare = tl_state_compare_proxies,
        .describe = describe_proxy,
};

/* If another program answers for an address already, it keeps its entry: ours would replace it. */
static void add_proxies(struct maker *maker)
{
        const struct tl_state *from = maker->from, *to = maker->to;
        struct objects ours = proxies_of(from), others = {from->others, from->other_count};

        for (uint32_t i = 0, k = 0, n = 0; i < to->proxy_count; i++) {
                const struct tl_planned_proxy *proxy = &to->proxies[i];

                if (!find_equal(&proxies, &ours, proxy, &k) &&
                    !find_equal(&proxies, &others, proxy, &n))
                        add(maker, TL_DIFF_PROXY, TL_DIFF_ADD, i, describe_proxy(maker, to, proxy),
                            "");
        }
}

/* ---- all ---- */

/* The kernel removes addresses and routes of a link along with it. */
static void remove_routes_without_link(struct maker *maker)
{
        const struct tl_state *from = maker->from;
        struct objects after = routes_of(maker->to);

        for (uint32_t i = 0, k = 0; i < from->route_count; i++) {
                const struct tl_planned_route *route = &from->routes[i];

                if ((!from->has_link || route->kind != TL_PLANNED_LINK) &&
                    !find_equal(&routes, &after, route, &k))
                        add(maker, TL_DIFF_ROUTE, TL_DIFF_REMOVE, i,
                            describe_route(maker, from, route), "");
        }
}

static void compare_down(struct maker *maker)
{
        const struct tl_state *from = maker->from, *to = maker->to;

        compare_lists(maker, &proxies, TL_DIFF_REMOVE, from, to);
        if (from->has_link)
                add(maker, TL_DIFF_DAEMON, TL_DIFF_REMOVE, 0, "tielined", "");
        compare_lists(maker, &rules, TL_DIFF_REMOVE, from, to);
        remove_routes_without_link(maker);
        compare_routes(maker, false);
        compare_lists(maker, &rules, TL_DIFF_ADD, to, from);
        compare_routes(maker, true);
        add_proxies(maker);
}

static void compare_up(struct maker *maker)
{
        const struct tl_state *from = maker->from, *to = maker->to;

        compare_links(maker);
        compare_settings(maker, false);
        compare_routes(maker, false);
        compare_lists(maker, &rules, TL_DIFF_ADD, to, from);
        compare_devices(maker);
        compare_settings(maker, true);
        compare_routes(maker, true);
        add_proxies(maker);
        compare_lists(maker, &proxies, TL_DIFF_REMOVE, from, to);
        compare_lists(maker, &rules, TL_DIFF_REMOVE, from, to);
        compare_lists(maker, &routes, TL_DIFF_REMOVE, from, to);
        compare_lists(maker, &addresses, TL_DIFF_REMOVE, from, to);
}

bool tl_diff_make(struct tl_diff *diff, const struct tl_state *from, const struct tl_state *to,
                  const struct tl_model *model)
{
        struct maker maker = {diff, from, to, model, true};

        *diff = (struct tl_diff){0};
        compare_tables(&maker);
        if (to->has_link)
                compare_up(&maker);
        else
                compare_down(&maker);
        if (from->table_name && !to->table_name)
                add(&maker, TL_DIFF_TABLE, TL_DIFF_REMOVE, 0, from->table_name, "");
        return maker.is_good;
}

/* How people say it. */
static const char *say(const struct tl_difference *difference)
{
        switch (difference->kind) {
        case TL_DIFF_TABLE:
                return difference->verb == TL_DIFF_CHANGE ? "replace"
                                                          : tl_diff_verb_name(difference->verb);
        case TL_DIFF_DAEMON:
                return difference->verb == TL_DIFF_REMOVE ? "stop" : "start";
        case TL_DIFF_KEY:
        case TL_DIFF_PORT:
        case TL_DIFF_MTU:
        case TL_DIFF_LINK:
        case TL_DIFF_SETTING:
                return "set";
        case TL_DIFF_ADDRESS:
        case TL_DIFF_PEER:
        case TL_DIFF_ROUTE:
        case TL_DIFF_RULE:
        case TL_DIFF_PROXY:
                break;
        }
        return tl_diff_verb_name(difference->verb);
}

const char *tl_diff_text(struct tl_diff *diff, uint32_t i)
{
        const struct tl_difference *difference = &diff->items[i];
        bool has_what = *difference->what, has_detail = *difference->detail;

        return tl_arena_format(&diff->arena, "%s%s%s: %s%s%s%s",
                               tl_diff_kind_text(difference->kind), has_what ? " " : "",
                               difference->what, say(difference), has_detail ? " (" : "",
                               difference->detail, has_detail ? ")" : "");
}

void tl_diff_done(struct tl_diff *diff)
{
        tl_arena_done(&diff->arena);
        *diff = (struct tl_diff){0};
}
