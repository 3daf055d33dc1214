/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/make.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/channel.h"
#include "client/link.h"
#include "host/daemon.h"
#include "host/nft.h"
#include "host/run.h"
#include "io/fail.h"
#include "io/netlink.h"
#include "io/netset.h"
#include "node/settings.h"

enum { TOLD_FROM = 100, NO_LINK = INT32_MAX /* a number that the kernel gives to no link */ };

static const char *name_of(const struct tl_make *make)
{
        return make->journal->name;
}

static bool explain(const struct tl_make *make, uint32_t i, const char *why)
{
        const char *text = tl_diff_text(make->diff, i);

        return tl_fail("%s: %s", text ? text : tl_diff_kind_text(make->diff->items[i].kind), why);
}

/* ---- one function per kind: each makes the `count` differences from `first` on ---- */

static bool make_table(struct tl_make *make, uint32_t first, uint32_t count)
{
        const struct tl_difference *difference = &make->diff->items[first];
        const char *text = difference->verb == TL_DIFF_REMOVE ? NULL : make->to->table;

        (void)count;
        return tl_nft_replace(difference->what, text) || explain(make, first, "nft failed");
}

static bool make_daemon(struct tl_make *make, uint32_t first, uint32_t count)
{
        (void)count;
        if (make->diff->items[first].verb == TL_DIFF_REMOVE)
                return tl_daemon_end(name_of(make), make->journal->link);
        tl_daemon_prepare(make->journal);
        return tl_daemon_start(make->journal);
}

static bool set_device(struct tl_make *make, uint32_t first, const struct tl_change *change)
{
        int error = tl_link_set(name_of(make), change);

        return !error || explain(make, first, tl_channel_error(error));
}

static bool make_key(struct tl_make *make, uint32_t first, uint32_t count)
{
        struct tl_change change;
        bool is_good;

        (void)count;
        tl_change_init(&change);
        change.has_private_key = true;
        memcpy(change.private_key, make->private_key, TL_CONF_KEY_LEN);
        is_good = set_device(make, first, &change);
        tl_change_done(&change);
        return is_good;
}

static bool make_port(struct tl_make *make, uint32_t first, uint32_t count)
{
        struct tl_change change;
        bool is_good;

        (void)count;
        tl_change_init(&change);
        change.has_listen_port = true;
        change.listen_port = make->to->device->listen_port;
        is_good = set_device(make, first, &change);
        tl_change_done(&change);
        return is_good;
}

static bool make_mtu(struct tl_make *make, uint32_t first, uint32_t count)
{
        int error = tl_netlink_set_mtu(if_nametoindex(name_of(make)), make->to->mtu);

        (void)count;
        return !error || explain(make, first, strerror(-error));
}

static bool make_link(struct tl_make *make, uint32_t first, uint32_t count)
{
        int error = tl_netlink_set_up(if_nametoindex(name_of(make)), make->to->is_up);

        (void)count;
        return !error || explain(make, first, strerror(-error));
}

/* The state that has the subject of a difference. */
static const struct tl_state *side_of(const struct tl_make *make,
                                      const struct tl_difference *difference)
{
        return difference->verb == TL_DIFF_REMOVE ? make->from : make->to;
}

static enum tl_netset_verb find_verb(enum tl_diff_verb verb)
{
        switch (verb) {
        case TL_DIFF_ADD:
                return TL_NETSET_ADD;
        case TL_DIFF_CHANGE:
                return TL_NETSET_REPLACE;
        case TL_DIFF_REMOVE:
                return TL_NETSET_REMOVE;
        }
        return TL_NETSET_ADD;
}

/* The number of the link of a LAN. To the kernel, 0 would be any link. */
static uint32_t find_link(const char *name)
{
        uint32_t ifindex = name ? if_nametoindex(name) : 0;

        return ifindex ? ifindex : NO_LINK;
}

static struct tl_netset_route describe_route(const struct tl_state *side,
                                             const struct tl_planned_route *route, uint32_t ifindex)
{
        struct tl_netset_route made = {
                .prefix = route->prefix,
                .via = route->via,
                .table = side->tables[route->table],
                .metric = route->metric,
                .mtu = route->mtu,
                .protocol = TL_NODEPLAN_PROTOCOL,
                .is_unreachable = route->kind == TL_PLANNED_UNREACHABLE,
        };

        if (route->kind == TL_PLANNED_LINK)
                made.ifindex = ifindex;
        else if (route->kind == TL_PLANNED_GATEWAY)
                made.ifindex = find_link(route->link);
        return made;
}

static struct tl_netset_change describe(const struct tl_make *make, uint32_t i, uint32_t ifindex)
{
        const struct tl_difference *difference = &make->diff->items[i];
        const struct tl_state *side = side_of(make, difference);
        struct tl_netset_change change = {.verb = find_verb(difference->verb)};

        if (difference->kind == TL_DIFF_ADDRESS) {
                const struct tl_planned_address *address = &side->addresses[difference->index];

                change.kind = TL_NETSET_ADDRESS;
                change.address = (struct tl_netset_address){address->ip, address->cidr, ifindex};
        } else if (difference->kind == TL_DIFF_RULE) {
                change.kind = TL_NETSET_RULE;
                change.rule = side->rules[difference->index];
        } else if (difference->kind == TL_DIFF_PROXY) {
                const struct tl_planned_proxy *proxy = &side->proxies[difference->index];

                change.kind = TL_NETSET_PROXY;
                change.proxy = (struct tl_netset_proxy){
                        .ip = proxy->ip,
                        .ifindex = find_link(proxy->link),
                        .protocol = TL_NODEPLAN_PROTOCOL,
                };
                /* An entry for any link, which only somebody else can have added. */
                if (change.verb == TL_NETSET_REMOVE && !*proxy->link)
                        change.proxy.ifindex = 0;
        } else {
                change.kind = TL_NETSET_ROUTE;
                change.route = describe_route(side, &side->routes[difference->index], ifindex);
        }
        return change;
}

static const char *say_why(const struct tl_netset_change *change)
{
        bool is_route = change->kind == TL_NETSET_ROUTE;

        if (change->error == -ENODEV || (is_route && change->route.ifindex == NO_LINK))
                return "the link is gone, or not known";
        if (change->error == -EEXIST && is_route)
                return "another program has a route with this prefix and metric";
        if (change->error == -ENETUNREACH && is_route && change->route.via.family)
                return "the router is in none of the networks of this link";
        return strerror(-change->error);
}

/* Addresses, routes, rules and proxy entries. */
static bool make_netset(struct tl_make *make, uint32_t first, uint32_t count)
{
        struct tl_netset_change *changes = calloc(count, sizeof(*changes));
        uint32_t ifindex = if_nametoindex(name_of(make));
        bool is_good = true;
        int error;

        if (!changes)
                return tl_fail("out of memory");
        for (uint32_t i = 0; i < count; i++)
                changes[i] = describe(make, first + i, ifindex);
        error = tl_netset_change(changes, count);
        for (uint32_t i = 0; is_good && i < count; i++)
                if (changes[i].error)
                        is_good = explain(make, first + i, say_why(&changes[i]));
        free(changes);
        return is_good && (!error || explain(make, first, strerror(-error)));
}

/* Appends a peer as it shall be. */
static bool add_peer(struct tl_change *change, const struct tl_change *device, uint32_t index)
{
        const struct tl_change_peer *wanted = tl_change_peer_at(device, index);
        struct tl_change_peer *peer = tl_change_add_peer(change, wanted->public_key);

        if (!peer)
                return false;
        peer->replace_allowed_ips = true;
        peer->has_preshared_key = true;
        memcpy(peer->preshared_key, wanted->preshared_key, TL_CONF_KEY_LEN);
        peer->has_persistent_keepalive = wanted->has_persistent_keepalive;
        peer->persistent_keepalive_s = wanted->persistent_keepalive_s;
        if (wanted->has_endpoint && wanted->endpoint.ip.family != WG_FAMILY_NONE) {
                peer->has_endpoint = true;
                peer->endpoint = wanted->endpoint;
        }
        for (uint32_t i = 0; i < wanted->allowed_ip_count; i++)
                if (!tl_change_add_allowed_ip(
                            change, &tl_change_peer_allowed_ip(device, wanted, i)->prefix, false))
                        return false;
        return true;
}

static bool remove_peer(struct tl_change *change, const struct tl_change *device, uint32_t index)
{
        struct tl_change_peer *peer = tl_change_add_peer(
                change, tl_change_peer_at(device, index)->public_key);

        if (peer)
                peer->remove = true;
        return peer;
}

/* All in one request, which leaves other peers, and their sessions, alone. */
static bool make_peers(struct tl_make *make, uint32_t first, uint32_t count)
{
        struct tl_change change;
        bool is_good = true;

        tl_change_init(&change);
        for (uint32_t i = first; is_good && i < first + count; i++) {
                const struct tl_difference *difference = &make->diff->items[i];

                is_good = difference->verb == TL_DIFF_REMOVE
                                  ? remove_peer(&change, make->from->device, difference->index)
                                  : add_peer(&change, make->to->device, difference->index);
        }
        is_good = is_good ? set_device(make, first, &change) : tl_fail("out of memory");
        tl_change_done(&change);
        return is_good;
}

static bool make_settings(struct tl_make *make, uint32_t first, uint32_t count)
{
        for (uint32_t i = first; i < first + count; i++) {
                const struct tl_planned_setting *setting =
                        &make->to->settings[make->diff->items[i].index];
                int error = tl_settings_hold(make->journal, setting);
                if (error)
                        return explain(make, i, strerror(-error));
        }
        return true;
}

static bool make_kind(struct tl_make *make, enum tl_diff_kind kind, uint32_t first, uint32_t count)
{
        switch (kind) {
        case TL_DIFF_TABLE:
                return make_table(make, first, count);
        case TL_DIFF_DAEMON:
                return make_daemon(make, first, count);
        case TL_DIFF_KEY:
                return make_key(make, first, count);
        case TL_DIFF_PORT:
                return make_port(make, first, count);
        case TL_DIFF_MTU:
                return make_mtu(make, first, count);
        case TL_DIFF_ADDRESS:
        case TL_DIFF_ROUTE:
        case TL_DIFF_RULE:
        case TL_DIFF_PROXY:
                return make_netset(make, first, count);
        case TL_DIFF_LINK:
                return make_link(make, first, count);
        case TL_DIFF_PEER:
                return make_peers(make, first, count);
        case TL_DIFF_SETTING:
                return make_settings(make, first, count);
        }
        return false;
}

/* The differences themselves have been shown; only what takes a while needs more. */
static void tell(const struct tl_make *make, uint32_t first, uint32_t count)
{
        if (make->is_told && count >= TOLD_FROM && isatty(STDERR_FILENO))
                fprintf(stderr, "%s: %u changes...\n",
                        tl_diff_kind_text(make->diff->items[first].kind), count);
}

bool tl_make(struct tl_make *make)
{
        const struct tl_diff *diff = make->diff;

        for (uint32_t first = 0, count; first < diff->count; first += count) {
                enum tl_diff_kind kind = diff->items[first].kind;

                for (count = 1; first + count < diff->count; count++)
                        if (diff->items[first + count].kind != kind)
                                break;
                if (tl_run_is_interrupted())
                        return tl_fail("interrupted");
                tell(make, first, count);
                if (!make_kind(make, kind, first, count))
                        return false;
        }
        return true;
}
