/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/plan_routes.h"

#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "net/ownlan.h"
#include "net/pathmtu.h"
#include "net/plan_parts.h"
#include "net/prefixes.h"
#include "net/travel.h"

enum { PADDING = 16 }; /* WireGuard paper 5.4.6 */

/* A prefix in one of the pools whose path has another MTU than most. */
struct exception {
        struct wg_prefix prefix;
        uint32_t mtu;
};

struct routing {
        struct tl_nodeplan *plan;
        const struct tl_model *model;
        const struct tl_node *self;
        const struct tl_local *local; /* NULL: not known */
        struct tl_findings *findings;
        uint32_t rest_mtu; /* of paths to whatever is no exception */
        struct exception *exceptions;
        uint32_t exception_count, exception_capacity;
};

/* ---- parts ---- */

static bool add_route(struct routing *r, const struct tl_planned_route *route)
{
        return !tl_local_has_family(r->local, route->prefix.ip.family) ||
               tl_plan_add_route(r->plan, route);
}

/* A route into the tunnel. */
static bool add_link(struct routing *r, const struct wg_prefix *prefix, enum tl_planned_table table,
                     uint32_t mtu)
{
        return add_route(r, &(struct tl_planned_route){
                                    .prefix = *prefix,
                                    .kind = TL_PLANNED_LINK,
                                    .table = table,
                                    .mtu = mtu < r->plan->mtu ? mtu : 0,
                            });
}

/* The same, and its twin: nothing leaks while the link is gone. */
static bool add_remote(struct routing *r, const struct wg_prefix *prefix,
                       enum tl_planned_table table, uint32_t mtu)
{
        return add_link(r, prefix, table, mtu) &&
               add_route(r, &(struct tl_planned_route){
                                    .prefix = *prefix,
                                    .kind = TL_PLANNED_UNREACHABLE,
                                    .table = table,
                                    .metric = TL_NODEPLAN_HIGH_METRIC,
                            });
}

static bool add_rule(struct routing *r, const struct tl_planned_rule *rule)
{
        return !tl_local_has_family(r->local, rule->family) || tl_plan_add_rule(r->plan, rule);
}

/* A setting of a link, and no setting if the link is not known. */
static bool add_link_setting(struct routing *r, const char *before, const char *link,
                             const char *after, const char *value)
{
        char *path;

        if (!link)
                return true;
        path = tl_arena_format(&r->plan->arena, "net/%s/%s/%s", before, link, after);
        return path && tl_plan_add_setting(r->plan, path, value, NULL);
}

/* ---- paths ---- */

/* tielined pads packets to 16 bytes, but only knows the MTU of the link. Packets that a narrower
 * path takes must not need padding that it does not take. */
static uint32_t path_mtu(const struct routing *r, uint32_t node)
{
        uint32_t mtu = tl_pathmtu_between(r->model, r->plan->node, node);

        return mtu < r->plan->mtu ? mtu - mtu % PADDING : r->plan->mtu;
}

static bool add_exception(struct routing *r, const struct wg_prefix *prefix, uint32_t mtu)
{
        struct exception *larger;

        if (prefix->ip.family == WG_FAMILY_NONE)
                return true;
        larger = tl_arena_grow(&r->plan->arena, r->exceptions, r->exception_count,
                               &r->exception_capacity, sizeof(*larger));
        if (!larger)
                return false;
        r->exceptions = larger;
        larger[r->exception_count++] = (struct exception){*prefix, mtu};
        return true;
}

/* What the pools have of a node and of its site. */
static bool except_node(struct routing *r, const struct tl_node *node, uint32_t mtu)
{
        const struct wg_prefix ip4 = tl_prefixes_single(&node->ip4),
                               ip6 = tl_prefixes_single(&node->ip6);
        const struct tl_site *site;

        if (!add_exception(r, &ip4, mtu) || !add_exception(r, &ip6, mtu))
                return false;
        if (node->site == TL_MODEL_NONE)
                return true;
        site = &r->model->sites[node->site];
        for (uint32_t i = 0; i < site->lan_count; i++)
                if (!add_exception(r, &r->model->lans[site->lan_first + i].mapped, mtu))
                        return false;
        return true;
}

static int compare_exceptions(const void *left, const void *right)
{
        const struct exception *a = left, *b = right;

        if (a->mtu != b->mtu)
                return a->mtu < b->mtu ? -1 : 1;
        return tl_prefixes_compare(&a->prefix, &b->prefix);
}

/* Adds a route for each exception, or one for several that are next to each other. They lie in the
 * pools, whose routes have twins. */
static bool add_exceptions(struct routing *r)
{
        if (r->exception_count)
                qsort(r->exceptions, r->exception_count, sizeof(*r->exceptions),
                      compare_exceptions);
        for (uint32_t i = 0; i < r->exception_count;) {
                struct tl_prefixes same = {0};
                uint32_t mtu = r->exceptions[i].mtu;

                for (; i < r->exception_count && r->exceptions[i].mtu == mtu; i++)
                        if (!tl_prefixes_add(&same, &r->plan->arena, &r->exceptions[i].prefix))
                                return false;
                tl_prefixes_shorten(&same);
                for (uint32_t k = 0; k < same.count; k++)
                        if (!add_link(r, &same.items[k], TL_PLANNED_MAIN, mtu))
                                return false;
        }
        return true;
}

static bool plan_exceptions(struct routing *r)
{
        for (uint32_t i = 0; i < r->model->node_count; i++) {
                uint32_t mtu = i == r->plan->node ? r->rest_mtu : path_mtu(r, i);

                if (mtu != r->rest_mtu && !except_node(r, &r->model->nodes[i], mtu))
                        return false;
        }
        return add_exceptions(r);
}

/* ---- the pools, and the LANs of other sites ---- */

static bool plan_pools(struct routing *r)
{
        const struct tl_model *model = r->model;

        return add_remote(r, &model->pool4, TL_PLANNED_MAIN, r->rest_mtu) &&
               add_remote(r, &model->pool6, TL_PLANNED_MAIN, r->rest_mtu) &&
               (!tl_model_has_mapped(model) ||
                add_remote(r, &model->network->mapped.prefix, TL_PLANNED_MAIN, r->rest_mtu));
}

/* A stock device has no rules that could lead to a hidden LAN. */
static bool plan_lans(struct routing *r, bool *has_hidden)
{
        const struct tl_model *model = r->model;

        *has_hidden = false;
        for (uint32_t i = 0; i < model->lan_count; i++) {
                const struct tl_lan *lan = &model->lans[i];
                bool is_hidden;

                if (lan->site == r->self->site || tl_lan_is_mapped(lan))
                        continue;
                is_hidden = tl_model_hides(model, r->plan->node, lan);
                if (is_hidden && r->self->is_stock)
                        continue;
                *has_hidden = *has_hidden || is_hidden;
                if (!add_remote(r, &lan->wire, is_hidden ? TL_PLANNED_HIDDEN : TL_PLANNED_MAIN,
                                path_mtu(r, model->sites[lan->site].node)))
                        return false;
        }
        return true;
}

/* ---- hidden LANs ---- */

static bool lead_to_hidden(struct routing *r, const struct wg_prefix *from)
{
        return from->ip.family != WG_FAMILY_IPV4 ||
               add_rule(r, &(struct tl_planned_rule){.family = WG_FAMILY_IPV4,
                                                     .from = *from,
                                                     .table = TL_PLANNED_HIDDEN});
}

/* The table has nothing but hidden LANs, so that other packets go on to the main table. Only IPv4
 * LANs have a mapped prefix, and can be hidden. */
static bool plan_hidden(struct routing *r)
{
        const struct wg_prefix own = tl_prefixes_single(&r->self->ip4);
        const struct tl_site *site;

        if (!lead_to_hidden(r, &own))
                return false;
        if (r->self->kind == TL_NODE_DEVICE)
                return true;
        if (!add_rule(r, &(struct tl_planned_rule){.family = WG_FAMILY_IPV4,
                                                   .is_from_link = true,
                                                   .table = TL_PLANNED_HIDDEN}))
                return false;
        if (r->self->site == TL_MODEL_NONE)
                return true;
        site = &r->model->sites[r->self->site];
        for (uint32_t i = 0; i < site->lan_count; i++)
                if (!lead_to_hidden(r, &r->model->lans[site->lan_first + i].prefix))
                        return false;
        return true;
}

/* ---- LANs whose router must see both directions ---- */

static bool is_entered_through_router(const struct tl_model *model, uint32_t lan)
{
        const struct wg_prefix *pools[] = {&model->pool4, &model->pool6};

        for (unsigned int i = 0; i < WG_ARRAY_SIZE(pools); i++)
                if (tl_travel_in(model, lan, pools[i]).mode == TL_TRAVEL_VIA_GATEWAY)
                        return true;
        for (uint32_t i = 0; i < model->lan_count; i++)
                if (model->lans[i].site != model->lans[lan].site &&
                    tl_travel_in(model, lan, &model->lans[i].wire).mode == TL_TRAVEL_VIA_GATEWAY)
                        return true;
        return false;
}

/* NULL: not known. */
static const char *find_link(const struct routing *r, const struct tl_lan *lan)
{
        return r->local ? tl_ownlan_link(r->model, lan, r->local) : NULL;
}

static void report_unknown_router(struct routing *r, const struct tl_lan *lan, const char *link)
{
        char prefix[TL_ADDRESS_PREFIX_SIZE];
        const struct tl_network_site *site = r->model->sites[lan->site].in_file;

        tl_address_format_prefix(prefix, &lan->prefix);
        tl_findings_add(r->findings, TL_FINDING_ERROR, site->gateway_at, &lan->at,
                        "give its address: `gateway: {kind: drops-invalid, at: ADDRESS}`",
                        "%s must send packets through the router of %s, and there is no default "
                        "route through %s that tells its address",
                        r->self->name, prefix, link);
}

static void report_unknown_link(struct routing *r, const struct tl_lan *lan)
{
        char prefix[TL_ADDRESS_PREFIX_SIZE];

        tl_address_format_prefix(prefix, &lan->prefix);
        tl_findings_error(r->findings, lan->at,
                          "connect the machine to its LAN, or correct the prefix in the file",
                          "%s has no address in %s, the LAN of its site", r->self->name, prefix);
}

/* Otherwise the router would tell the node to send directly to devices of the LAN. */
static bool ignore_redirects(struct routing *r, uint8_t family, const char *link)
{
        return add_link_setting(r, family == WG_FAMILY_IPV4 ? "ipv4/conf" : "ipv6/conf", link,
                                "accept_redirects", "0");
}

/* A LAN that the machine is not in, is behind the router anyway. */
static bool send_through_router(struct routing *r, const struct tl_lan *lan)
{
        const char *link = find_link(r, lan);
        struct wg_ip router = tl_ownlan_router(lan, link, r->local);

        if (r->local && !link)
                return true;
        if (r->local && router.family == WG_FAMILY_NONE) {
                report_unknown_router(r, lan, link);
                return true;
        }
        return ignore_redirects(r, lan->prefix.ip.family, link) &&
               add_route(r, &(struct tl_planned_route){
                                    .prefix = lan->prefix,
                                    .kind = TL_PLANNED_GATEWAY,
                                    .table = TL_PLANNED_RETURN,
                                    .via = router,
                                    .link = link,
                            });
}

/* Devices of the LAN reach the node at its address in the tunnel through the router, too. */
static bool lead_through_router(struct routing *r, uint8_t family)
{
        const struct wg_prefix own = tl_prefixes_single(family == WG_FAMILY_IPV4 ? &r->self->ip4
                                                                                 : &r->self->ip6);
        struct tl_planned_rule rule = {
                .family = family, .is_from_link = true, .table = TL_PLANNED_RETURN};

        if (!add_rule(r, &rule))
                return false;
        rule.is_from_link = false;
        rule.from = own;
        return own.ip.family == WG_FAMILY_NONE || add_rule(r, &rule);
}

static bool plan_way_back(struct routing *r, uint8_t family)
{
        const struct tl_site *site = &r->model->sites[r->self->site];
        const struct tl_lan *first = NULL;
        bool is_connected = false;

        if (!tl_local_has_family(r->local, family))
                return true;
        for (uint32_t i = site->lan_first; i < site->lan_first + site->lan_count; i++) {
                const struct tl_lan *lan = &r->model->lans[i];

                if (lan->prefix.ip.family != family || !is_entered_through_router(r->model, i))
                        continue;
                first = first ? first : lan;
                is_connected = is_connected || !r->local || find_link(r, lan);
                if (!send_through_router(r, lan))
                        return false;
        }
        if (!first)
                return true;
        if (!is_connected)
                report_unknown_link(r, first);
        return lead_through_router(r, family);
}

/* ---- addresses of the LAN that stand for others ---- */

static struct wg_ip next_ip(const struct wg_ip *ip)
{
        struct wg_ip next = *ip;

        for (size_t i = wg_ip_bits(ip) / 8; i-- > 0 && ++next.bytes[i] == 0;)
                ;
        return next;
}

/* The model allows no more than TL_STANDINS_MAX addresses. */
static bool answer_for(struct routing *r, const struct tl_stand_in *stand_in, const char *link)
{
        struct wg_ip last = wg_prefix_last(&stand_in->here), ip = stand_in->here.ip;

        for (;; ip = next_ip(&ip)) {
                const struct tl_planned_proxy proxy = {.ip = ip, .link = link};

                if (!tl_plan_add_proxy(r->plan, &proxy))
                        return false;
                if (wg_ip_equal(&ip, &last))
                        return true;
        }
}

/* The kernel answers at once, and only if its route to the address leads through another link. For
 * IPv6, answering must be switched on. */
static bool plan_proxy_settings(struct routing *r, uint8_t family, const char *link)
{
        if (family == WG_FAMILY_IPV4)
                return add_link_setting(r, "ipv4/neigh", link, "proxy_delay", "0");
        return add_link_setting(r, "ipv6/neigh", link, "proxy_delay", "0") &&
               add_link_setting(r, "ipv6/conf", link, "proxy_ndp", "1");
}

static bool plan_stand_ins_of(struct routing *r, uint32_t index, struct tl_prefixes *here)
{
        const struct tl_model *model = r->model;
        const struct tl_lan *lan = &model->lans[index];
        const char *link = find_link(r, lan);
        bool is_first = true;

        if (!tl_local_has_family(r->local, lan->prefix.ip.family))
                return true;
        for (uint32_t i = 0; i < model->stand_in_count; i++) {
                const struct tl_stand_in *stand_in = &model->stand_ins[i];

                if (stand_in->lan != index)
                        continue;
                if (is_first && r->local && !link)
                        report_unknown_link(r, lan);
                if (is_first && !plan_proxy_settings(r, lan->prefix.ip.family, link))
                        return false;
                is_first = false;
                if (!answer_for(r, stand_in, link) ||
                    !tl_prefixes_add(here, &r->plan->arena, &stand_in->here))
                        return false;
        }
        return true;
}

static bool plan_stand_ins(struct routing *r)
{
        const struct tl_site *site = &r->model->sites[r->self->site];
        struct tl_prefixes here = {0};

        for (uint32_t i = 0; i < site->lan_count; i++)
                if (!plan_stand_ins_of(r, site->lan_first + i, &here))
                        return false;
        tl_prefixes_shorten(&here);
        for (uint32_t i = 0; i < here.count; i++)
                if (!add_remote(r, &here.items[i], TL_PLANNED_MAIN, r->rest_mtu))
                        return false;
        return true;
}

/* ---- all of it ---- */

static bool plan_site(struct routing *r)
{
        return r->self->site == TL_MODEL_NONE ||
               (plan_way_back(r, WG_FAMILY_IPV4) && plan_way_back(r, WG_FAMILY_IPV6) &&
                plan_stand_ins(r));
}

static int compare_settings(const void *left, const void *right)
{
        const struct tl_planned_setting *a = left, *b = right;

        return strcmp(a->path, b->path);
}

/* Those of links, since the LANs of a site may be in any order. */
static void sort_settings(struct tl_nodeplan *plan, uint32_t first)
{
        if (plan->setting_count > first)
                qsort(plan->settings + first, plan->setting_count - first, sizeof(*plan->settings),
                      compare_settings);
}

static bool plan_all(struct routing *r)
{
        bool has_hidden;

        return plan_pools(r) && plan_exceptions(r) && plan_lans(r, &has_hidden) &&
               (!has_hidden || plan_hidden(r)) && plan_site(r);
}

bool tl_plan_routes(struct tl_nodeplan *plan, const struct tl_model *model,
                    const struct tl_local *local, struct tl_findings *findings)
{
        struct routing r = {.plan = plan,
                            .model = model,
                            .self = &model->nodes[plan->node],
                            .local = local,
                            .findings = findings,
                            .rest_mtu = plan->mtu};

        uint32_t settings = plan->setting_count;

        if (r.self->hub != TL_MODEL_NONE)
                r.rest_mtu = path_mtu(&r, r.self->hub);
        if (!plan_all(&r))
                return false;
        sort_settings(plan, settings);
        return true;
}
