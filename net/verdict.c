/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/verdict.h"

#include "net/closest.h"

struct verdict {
        const char *message, *fix;
        struct tl_place at;
};

static const struct tl_walk_step *last_step(const struct tl_words *words)
{
        return &words->walk->steps[words->walk->step_count - 1];
}

static const struct tl_site *site_at(const struct tl_words *words, const struct tl_walk_end *end)
{
        const struct tl_model *model = words->plans->model;

        return &model->sites[model->lans[end->lan].site];
}

/* "at 443/tcp", or "with a ping". */
static const char *with_what(struct tl_words *words)
{
        const struct tl_walk *walk = words->walk;

        if (walk->protocol == WG_PROTOCOL_ICMP)
                return "with a ping";
        return tl_words_format(words, "at %s",
                               tl_words_service(words, walk->protocol, walk->port, walk->port));
}

/* ---- causes ---- */

/* The line of the rule that allows it; line 0: there is no policy. */
static struct tl_place allowed_at(const struct tl_words *words)
{
        for (uint32_t i = 0; i < words->walk->step_count; i++)
                if (words->walk->steps[i].deed == TL_WALK_POLICY)
                        return tl_words_place(words, &words->walk->steps[i]);
        return (struct tl_place){0};
}

static struct verdict works(struct tl_words *words)
{
        return (struct verdict){
                .message = tl_words_format(words, "%s reaches %s %s", words->from->name,
                                           words->to->name, with_what(words)),
                .at = allowed_at(words),
        };
}

static struct verdict same_lan(struct tl_words *words)
{
        return (struct verdict){
                .message = tl_words_format(
                        words,
                        "%s and %s are both at %s: packets between them "
                        "need no tunnel, and meet no policy of ours",
                        words->from->name, words->to->name,
                        words->plans->model
                                ->sites[words->plans->model->nodes[words->walk->to.node].site]
                                .name)};
}

static struct verdict denied(struct tl_words *words, struct tl_explanation *explanation)
{
        struct tl_policy_query query = {
                .from = words->walk->from.ip,
                .to = words->walk->to.ip,
                .protocol = words->walk->protocol,
                .port = words->walk->port,
        };
        struct tl_closest_rule rules[TL_CLOSEST_MOST];
        uint32_t count = tl_closest_find(words->plans->policy, &query, rules);
        const struct tl_network *network = words->plans->model->network;
        struct verdict verdict = {
                .message = tl_words_format(words, "no rule allows %s to reach %s %s",
                                           words->from->name, words->to->name, with_what(words)),
                .at = network->policy_at,
        };

        for (uint32_t i = 0; i < count; i++) {
                explanation->near[i].at = network->rules[rules[i].rule].at;
                explanation->near[i].text = tl_words_format(words, "%s: %s",
                                                            tl_closest_kind_text(rules[i].kind),
                                                            tl_words_rule(words, rules[i].rule));
        }
        explanation->near_count = count;
        verdict.fix = tl_closest_fix(words, rules, count, &verdict.at);
        return verdict;
}

static struct verdict no_port(struct tl_words *words)
{
        const struct tl_network_service *service = words->to->service->in_file;
        const char *port = tl_words_service(words, words->walk->protocol, words->walk->port,
                                            words->walk->port);

        return (struct verdict){
                .message = tl_words_format(words, "service %s does not offer %s",
                                           service->name.text, port),
                .fix = tl_words_format(words, "add `%s` to the ports of service %s, line %u", port,
                                       service->name.text, (unsigned int)service->name.at.line),
                .at = service->name.at,
        };
}

/* "route 192.168.200.0/24 via 192.168.201.2", from the LAN of `here` to `there`. */
static const char *route_text(struct tl_words *words, const struct tl_walk_end *here,
                              const struct tl_walk_end *there)
{
        const struct tl_model *model = words->plans->model;
        const struct tl_lan *lan = &model->lans[here->lan];
        struct wg_prefix home = tl_words_home(words, there);

        return tl_words_format(words, "route %s via %s", tl_words_prefix(words, &home),
                               lan->node_at.family == WG_FAMILY_NONE
                                       ? tl_words_format(words, "the address of %s in the LAN",
                                                         model->nodes[here->node].name)
                                       : tl_words_ip(words, &lan->node_at));
}

/* The router of `here` does not know the way to `there`. */
static struct verdict lacks_route(struct tl_words *words, const struct tl_walk_end *here,
                                  const struct tl_walk_end *there)
{
        const struct tl_site *site = site_at(words, here);
        struct tl_place at = last_step(words)->travel.at;
        struct wg_prefix home = tl_words_home(words, there);
        const char *prefix = tl_words_prefix(words, &home);

        return (struct verdict){
                .message = tl_words_format(
                        words, "%s's router has no route to %s%s", site->name, prefix,
                        last_step(words)->is_return ? ", so replies do not come back" : ""),
                .fix = tl_words_format(words,
                                       "on %s's router, add: %s; then add %s to its `routes`, "
                                       "line %u",
                                       site->name, route_text(words, here, there), prefix,
                                       (unsigned int)at.line),
                .at = at,
        };
}

static struct verdict untouchable(struct tl_words *words)
{
        const struct tl_walk_end *from = &words->walk->from;
        struct wg_prefix home = tl_words_home(words, &words->walk->to);

        return (struct verdict){
                .message = tl_words_format(words,
                                           "%s's router sends %s to the Internet, and nobody can "
                                           "give it a route",
                                           site_at(words, from)->name,
                                           tl_words_prefix(words, &home)),
                .fix = tl_words_format(words,
                                       "let DHCP give the LAN's devices the routes (gateway: "
                                       "dhcp-121), or on %s alone, add: %s",
                                       words->from->name,
                                       route_text(words, from, &words->walk->to)),
                .at = last_step(words)->travel.at,
        };
}

static struct verdict drops_half(struct tl_words *words)
{
        bool is_return = last_step(words)->is_return;
        const struct tl_walk_end *here = is_return ? &words->walk->to : &words->walk->from;
        const char *site = site_at(words, here)->name;

        return (struct verdict){
                .message = tl_words_format(
                        words,
                        "%s's router sees only one direction of the connection, and drops "
                        "its packets as invalid",
                        site),
                .fix = tl_words_format(
                        words,
                        "let DHCP give the LAN's devices the routes (gateway: dhcp-121), or "
                        "make %s's router pass invalid packets (gateway: static-routes)",
                        site),
                .at = last_step(words)->travel.at,
        };
}

static const char *families(const struct tl_end *end)
{
        if (end->ip4.ip.family != WG_FAMILY_NONE)
                return end->ip6.ip.family != WG_FAMILY_NONE ? "IPv4 and IPv6" : "IPv4";
        return end->ip6.ip.family != WG_FAMILY_NONE ? "IPv6" : "no address";
}

static struct verdict no_family(struct tl_words *words)
{
        return (struct verdict){
                .message = tl_words_format(words, "%s has %s, but %s has %s", words->from->name,
                                           families(words->from), words->to->name,
                                           families(words->to)),
                .fix = tl_words_format(words, "give %s an address of the other family as well",
                                       families(words->from)[3] == '6' ? words->from->name
                                                                       : words->to->name),
                .at = families(words->from)[3] == '6' ? words->from->at : words->to->at,
        };
}

static struct verdict no_key(struct tl_words *words)
{
        const struct tl_node *node = &words->plans->model->nodes[last_step(words)->node];

        return (struct verdict){
                .message = tl_words_format(words, "%s has no key in the file yet", node->name),
                .fix = tl_words_format(words,
                                       "run `tieline key %s` on %s, and add the key that it "
                                       "prints to %s, line %u",
                                       words->plans->model->network->name.text, node->name,
                                       node->name, (unsigned int)node->at.line),
                .at = node->at,
        };
}

/* The LAN that a mapped address stands for; NULL: it is not one. */
static const struct tl_lan *mapped_lan(const struct tl_model *model, const struct wg_ip *ip)
{
        for (uint32_t i = 0; i < model->lan_count; i++)
                if (model->lans[i].mapped.ip.family != WG_FAMILY_NONE &&
                    wg_prefix_contains(&model->lans[i].mapped, ip))
                        return &model->lans[i];
        return NULL;
}

static struct verdict not_in_network(struct tl_words *words)
{
        const struct tl_model *model = words->plans->model;
        bool is_from = words->walk->from.node == TL_MODEL_NONE;
        const struct tl_end *end = is_from ? words->from : words->to;
        const struct wg_ip *ip = is_from ? &words->walk->from.ip : &words->walk->to.ip;
        const struct tl_lan *mapped = mapped_lan(model, ip);

        if (mapped)
                return (struct verdict){
                        .message = tl_words_format(
                                words, "%s is a mapped address of %s, which carries no traffic",
                                end->name, model->sites[mapped->site].name),
                        .fix = tl_words_format(words, "use the address in %s itself",
                                               tl_words_prefix(words, &mapped->prefix)),
                        .at = mapped->at,
                };
        if (wg_prefix_contains(&model->pool4, ip) || wg_prefix_contains(&model->pool6, ip))
                return (struct verdict){
                        .message = tl_words_format(
                                words, "%s is in the network's addresses, but no node has it",
                                end->name),
                        .fix = "use the name of the node: `tieline check` shows all addresses",
                        .at = model->network->pool4.at,
                };
        return (struct verdict){
                .message = tl_words_format(words, "%s belongs to no LAN and no node of the file",
                                           end->name),
                .fix = "add its prefix to the `lan` of the site where it is",
                .at = model->network->name.at,
        };
}

static struct verdict refused(struct tl_words *words)
{
        const struct tl_walk_step *step = last_step(words);
        const char *actor = tl_words_actor(words, step);

        return (struct verdict){
                .message = tl_words_format(words, "%s %s", actor, tl_words_step(words, step)),
                .at = tl_words_place(words, step),
        };
}

/* The other LAN with addresses of the one that the destination, or the source, is in. */
static const struct tl_lan *twin_of(const struct tl_model *model, uint32_t lan)
{
        for (uint32_t i = 0; lan != TL_MODEL_NONE && i < model->lan_count; i++)
                if (model->lans[i].site != model->lans[lan].site &&
                    wg_prefix_overlaps(&model->lans[i].prefix, &model->lans[lan].prefix))
                        return &model->lans[i];
        return NULL;
}

static struct verdict overlap(struct tl_words *words)
{
        const struct tl_model *model = words->plans->model;
        uint32_t lan = words->walk->to.lan;
        const struct tl_lan *twin = twin_of(model, lan), *own;

        if (!twin) {
                lan = words->walk->from.lan;
                twin = twin_of(model, lan);
        }
        if (!twin)
                return (struct verdict){
                        .message = "two sites have the same LAN, so no node can be set up",
                        .fix = "run `tieline check`, and give each LAN its own prefix",
                        .at = model->network->name.at,
                };
        own = &model->lans[lan];
        return (struct verdict){
                .message = tl_words_format(
                        words, "%s of %s and %s of %s overlap",
                        tl_words_prefix(words, &own->prefix), model->sites[own->site].name,
                        tl_words_prefix(words, &twin->prefix), model->sites[twin->site].name),
                .fix = "give one of the two LANs another prefix",
                .at = own->at,
        };
}

static struct verdict no_device(struct tl_words *words)
{
        const struct tl_end *end = words->from->ip4.ip.family == WG_FAMILY_NONE &&
                                                   words->from->ip6.ip.family == WG_FAMILY_NONE
                                           ? words->from
                                           : words->to;

        return (struct verdict){
                .message = tl_words_format(words, "%s has no device in the file", end->name),
                .fix = tl_words_format(words, "add one to %s: devices: {laptop: {key: ...}}",
                                       end->name),
                .at = end->at,
        };
}

static struct verdict decide(struct tl_words *words, struct tl_explanation *explanation)
{
        const struct tl_walk *walk = words->walk;

        switch (walk->cause) {
        case TL_CAUSE_NONE:
                return works(words);
        case TL_CAUSE_SAME:
                return (struct verdict){
                        .message = tl_words_format(words, "%s and %s are the same machine",
                                                   words->from->name, words->to->name)};
        case TL_CAUSE_SAME_LAN:
                return same_lan(words);
        case TL_CAUSE_POLICY:
                return denied(words, explanation);
        case TL_CAUSE_SERVICE_PORT:
                return no_port(words);
        case TL_CAUSE_GATEWAY_ROUTE:
                return lacks_route(words, &walk->from, &walk->to);
        case TL_CAUSE_RETURN_ROUTE:
                return lacks_route(words, &walk->to, &walk->from);
        case TL_CAUSE_GATEWAY_UNTOUCHABLE:
                return untouchable(words);
        case TL_CAUSE_GATEWAY_DROPS:
                return drops_half(words);
        case TL_CAUSE_NO_FAMILY:
                return no_family(words);
        case TL_CAUSE_NO_KEY:
                return no_key(words);
        case TL_CAUSE_NOT_IN_NETWORK:
                return not_in_network(words);
        case TL_CAUSE_ALLOWED_IPS:
                return refused(words);
        case TL_CAUSE_OVERLAP:
                return overlap(words);
        case TL_CAUSE_NO_DEVICE:
                return no_device(words);
        }
        return (struct verdict){.message = ""};
}

void tl_verdict_give(struct tl_explanation *explanation, struct tl_words *words)
{
        struct verdict verdict = decide(words, explanation);

        explanation->cause = words->walk->cause;
        explanation->message = verdict.message;
        explanation->fix = verdict.fix;
        explanation->at = verdict.at;
}
