/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/lanrouter.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "conf/address.h"
#include "io/clock.h"
#include "io/random.h"
#include "net/lanways.h"
#include "net/ownlan.h"

enum {
        PORT_FIRST = 61000, /* above those that Linux gives to programs */
        PORT_RANGE = 4000,
        NAMED_MAX = 6, /* prefixes in one message */
        NAMES_SIZE = NAMED_MAX * (TL_ADDRESS_PREFIX_SIZE + 2) + 32,
};

/* ---- what to probe ---- */

/* The routes of a LAN's router, according to the file. */
static bool list_routes(struct tl_lanrouter *router, struct tl_arena *arena,
                        const struct tl_model *model)
{
        struct tl_lanways ways = {0};

        if (!tl_lanways_list(&ways, arena, model, router->lan))
                return false;
        for (uint32_t i = 0; i < ways.count; i++)
                if (ways.items[i].reason == TL_TRAVEL_HAS_ROUTES ||
                    ways.items[i].reason == TL_TRAVEL_DROPS_HALF)
                        for (uint32_t k = 0; k < ways.items[i].from.count; k++)
                                if (!tl_prefixes_add(&router->routes, arena,
                                                     &ways.items[i].from.items[k]))
                                        return false;
        router->routes.count = WG_MIN(router->routes.count, TL_ROUTERPROBE_TARGETS_MAX);
        return true;
}

/* The address of this machine in a LAN; family NONE: it has none. */
static struct wg_ip find_own(const struct tl_local *local, const struct tl_lan *lan,
                             const char *link)
{
        struct wg_ip found = {.family = WG_FAMILY_NONE};

        for (uint32_t i = 0; link && i < local->net_count; i++) {
                const struct tl_local_net *net = &local->nets[i];

                if (strcmp(net->link, link) != 0 || !wg_prefix_contains(&lan->prefix, &net->ip))
                        continue;
                if (found.family == WG_FAMILY_NONE || wg_ip_equal(&net->ip, &lan->node_at))
                        found = net->ip;
        }
        return found;
}

/* An address in a prefix: in the pool, that of this machine; else the last one that a machine may
 * have, which is seldom in use. */
static struct wg_ip pick_address(const struct tl_node *self, const struct wg_prefix *prefix)
{
        struct wg_ip last = wg_prefix_last(prefix);

        if (wg_prefix_contains(prefix, &self->ip4))
                return self->ip4;
        if (wg_prefix_contains(prefix, &self->ip6))
                return self->ip6;
        if (last.family == WG_FAMILY_IPV4 && prefix->cidr < 31)
                last.bytes[3]--; /* the last one is for broadcasts */
        return last;
}

static int add_router(struct tl_lanrouter **first, struct tl_arena *arena,
                      const struct tl_machine *machine, uint32_t index)
{
        const struct tl_lan *lan = &machine->model.lans[index];
        const char *link = tl_ownlan_link(&machine->model, lan, &machine->local);
        struct tl_lanrouter *router = tl_arena_take(arena, 1, sizeof(*router));

        if (!router)
                return -ENOMEM;
        router->lan = index;
        router->link = link;
        router->own = find_own(&machine->local, lan, link);
        router->router = tl_ownlan_router(lan, link, &machine->local);
        if (!list_routes(router, arena, &machine->model))
                return -ENOMEM;
        if (router->own.family != router->router.family || !router->own.family ||
            wg_ip_equal(&router->own, &router->router) || !router->routes.count)
                return 0;
        router->targets = tl_arena_take(arena, router->routes.count, sizeof(*router->targets));
        if (!router->targets)
                return -ENOMEM;
        for (uint32_t i = 0; i < router->routes.count; i++)
                router->targets[i].ip = pick_address(&machine->model.nodes[machine->node],
                                                     &router->routes.items[i]);
        while (*first)
                first = &(*first)->next;
        *first = router;
        return 0;
}

/* ---- the probe ---- */

static uint64_t work(void *probe, uint64_t now_ns)
{
        return tl_routerprobe_work(probe, now_ns);
}

static void hear_answer(void *probe, const uint8_t from[TL_PROBE_MAC_LEN], const uint8_t *packet,
                        size_t len)
{
        tl_routerprobe_hear_answer(probe, from, packet, len);
}

static void hear_echo(void *probe, const uint8_t from[TL_PROBE_MAC_LEN], const uint8_t *packet,
                      size_t len)
{
        tl_routerprobe_hear_echo(probe, from, packet, len);
}

static void start(struct tl_lanrouter *router, struct tl_probejobs *jobs,
                  const struct tl_network_site *site)
{
        bool is_ipv4 = router->own.family == WG_FAMILY_IPV4;
        bool drops_invalid = site->gateway == TL_GATEWAY_DROPS_INVALID;
        struct tl_routerprobe_task task = {
                .own = router->own,
                .router = router->router,
                .is_firewall_of_interest = !drops_invalid,
                .is_redirect_of_interest = drops_invalid,
                .targets = router->targets,
                .count = router->routes.count,
        };
        struct tl_probejob *ask, *echo;
        uint16_t random;

        tl_random_fill(&random, sizeof(random));
        tl_random_fill(&task.tag, sizeof(task.tag));
        task.port = (uint16_t)(PORT_FIRST + random % PORT_RANGE);
        ask = tl_probejobs_add(jobs, router->link, is_ipv4 ? TL_PACKET_ARP : TL_PACKET_NDP, 0,
                               &router->error);
        if (!ask)
                return;
        ask->probe = &router->probe;
        ask->hear = hear_answer;
        echo = tl_probejobs_add(jobs, router->link, is_ipv4 ? TL_PACKET_ECHO4 : TL_PACKET_ECHO6,
                                task.port, &router->error);
        if (!echo)
                return;
        echo->probe = &router->probe;
        echo->work = work;
        echo->hear = hear_echo;
        task.ask = &ask->link;
        task.echo = &echo->link;
        tl_routerprobe_begin(&router->probe, &task, tl_clock_boot_ns());
}

static bool has_static_routes(const struct tl_network_site *site)
{
        switch (site->gateway) {
        case TL_GATEWAY_STATIC_ROUTES:
        case TL_GATEWAY_DROPS_INVALID:
                return true;
        case TL_GATEWAY_SELF:
        case TL_GATEWAY_DHCP_121:
        case TL_GATEWAY_UNTOUCHABLE:
                break;
        }
        return false;
}

int tl_lanrouter_begin(struct tl_lanrouter **first, struct tl_probejobs *jobs,
                       const struct tl_machine *machine)
{
        static const uint8_t families[] = {WG_FAMILY_IPV4, WG_FAMILY_IPV6};
        const struct tl_model *model = &machine->model;
        uint32_t site = model->nodes[machine->node].site;
        int error = 0;

        *first = NULL;
        if (site == TL_MODEL_NONE || !has_static_routes(model->sites[site].in_file))
                return 0;
        for (size_t i = 0; !error && i < WG_ARRAY_SIZE(families); i++) {
                uint32_t lan = tl_lanways_lan(model, site, families[i]);

                if (lan != TL_MODEL_NONE)
                        error = add_router(first, &jobs->arena, machine, lan);
        }
        for (struct tl_lanrouter *router = *first; router; router = router->next)
                start(router, jobs, model->sites[site].in_file);
        return error;
}

/* ---- findings ---- */

/* A router, and what findings about it have in common. */
struct report {
        struct tl_findings *findings;
        const struct tl_lanrouter *router;
        const struct tl_network_site *site;
        struct tl_place at;
        char name[TL_NETWORK_WORD_MAX + TL_ADDRESS_IP_SIZE + 32];
        char own[TL_ADDRESS_IP_SIZE];
};

static void begin_report(struct report *r, struct tl_machine *machine,
                         const struct tl_lanrouter *router)
{
        const struct tl_lan *lan = &machine->model.lans[router->lan];
        char ip[TL_ADDRESS_IP_SIZE];

        *r = (struct report){
                .findings = &machine->findings,
                .router = router,
                .site = machine->model.sites[lan->site].in_file,
        };
        r->at = r->site->gateway_at.line ? r->site->gateway_at : lan->at;
        tl_address_format_ip(ip, &router->router);
        tl_address_format_ip(r->own, &router->own);
        snprintf(r->name, sizeof(r->name), "the router of \"%s\", %s,", r->site->name.text, ip);
}

WG_PRINTF(3, 4)
static void warn(const struct report *r, const char *fix, const char *format, ...)
{
        char message[TL_NETWORK_WORD_MAX + TL_ADDRESS_IP_SIZE + NAMES_SIZE + 256];
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(message, sizeof(message), format, arguments);
        va_end(arguments);
        tl_findings_add(r->findings, TL_FINDING_WARNING, r->at, NULL, fix, "%s %s", r->name,
                        message);
}

/* Writes the prefixes of targets that `is_listed` chooses. Returns how many there are. */
static uint32_t name_prefixes(char text[NAMES_SIZE], const struct tl_lanrouter *router,
                              bool (*is_listed)(const struct tl_lanrouter *router, uint32_t i))
{
        uint32_t count = 0;
        size_t len = 0;

        for (uint32_t i = 0; i < router->routes.count; i++) {
                char prefix[TL_ADDRESS_PREFIX_SIZE];

                if (!is_listed(router, i) || count++ >= NAMED_MAX)
                        continue;
                tl_address_format_prefix(prefix, &router->routes.items[i]);
                len += (size_t)snprintf(text + len, NAMES_SIZE - len, "%s%s", len ? ", " : "",
                                        prefix);
        }
        if (count > NAMED_MAX)
                snprintf(text + len, NAMES_SIZE - len, " and %u more", count - NAMED_MAX);
        return count;
}

static bool lacks_route(const struct tl_lanrouter *router, uint32_t i)
{
        return tl_routerprobe_has_route(&router->probe, i) == TL_ROUTERPROBE_NO;
}

static bool is_redirected(const struct tl_lanrouter *router, uint32_t i)
{
        return router->targets[i].is_redirected;
}

static bool is_rewritten(const struct tl_lanrouter *router, uint32_t i)
{
        return router->targets[i].is_rewritten;
}

static void report_routes(const struct report *r)
{
        char prefixes[NAMES_SIZE], fix[NAMES_SIZE + TL_ADDRESS_IP_SIZE + 128];

        if (!name_prefixes(prefixes, r->router, lacks_route))
                return;
        snprintf(fix, sizeof(fix), "enter on the router: %s via %s", prefixes, r->own);
        warn(r, fix,
             "does not send packets for %s to this machine: it has no route to %s, or its "
             "firewall drops them",
             prefixes, r->own);
}

static void report_half(const struct report *r)
{
        bool is_map = r->site->router_at.count || r->site->has_routes;

        if (tl_routerprobe_passes_half(&r->router->probe) == TL_ROUTERPROBE_NO)
                warn(r, is_map ? "make it `kind: drops-invalid`" : "set `gateway: drops-invalid`",
                     "drops packets of connections that it has not seen begin");
}

/* Devices that are told a shorter way use it. That is good, unless the router must see all of a
 * connection. */
static void report_redirects(const struct report *r)
{
        bool drops = r->site->gateway == TL_GATEWAY_DROPS_INVALID ||
                     tl_routerprobe_passes_half(&r->router->probe) == TL_ROUTERPROBE_NO;
        char prefixes[NAMES_SIZE];

        if (drops && name_prefixes(prefixes, r->router, is_redirected))
                warn(r,
                     "turn off ICMP redirects on the router; on Linux: sysctl -w "
                     "net.ipv4.conf.all.send_redirects=0, and the same for the link of the LAN",
                     "tells devices to send packets for %s past it; it then drops connections that "
                     "last, because it sees half of them",
                     prefixes);
}

static void report_rewriting(const struct report *r)
{
        char prefixes[NAMES_SIZE];

        if (name_prefixes(prefixes, r->router, is_rewritten))
                warn(r, "exempt packets that stay in the LAN from NAT (masquerading) on the router",
                     "replaces the source address of packets for %s, so that all devices of the "
                     "LAN look like the router",
                     prefixes);
}

static void report_silence(const struct report *r)
{
        warn(r, "correct the router's address (`gateway: {at: ADDRESS}`), or connect it",
             "does not answer on %s, so its routes are not known", r->router->link);
}

void tl_lanrouter_report(const struct tl_lanrouter *first, struct tl_machine *machine)
{
        for (const struct tl_lanrouter *router = first; router; router = router->next) {
                int error = router->error ? router->error : router->probe.error;
                struct report r;

                begin_report(&r, machine, router);
                if (error) {
                        warn(&r, "connect this machine to its LAN, or use --no-probe",
                             "cannot be asked which routes it has: %s: %s", router->link,
                             tl_probejobs_error(error));
                        continue;
                }
                if (!router->probe.has_router) {
                        report_silence(&r);
                        continue;
                }
                report_routes(&r);
                report_half(&r);
                report_redirects(&r);
                report_rewriting(&r);
        }
}
