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
                .from = words->walk->course.from,
                .to = words->walk->course.to,
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

/* The course that the source should take: without the address that somebody has chosen. */
static struct tl_course proper_course(const struct tl_words *words)
{
        struct tl_course course;

        tl_course_plot(&course, words->plans->model, &words->walk->from, &words->walk->to);
        return course;
}

/* The destination by its own name, if it has one; NULL: it is a machine that the file does not
 * name. */
static const char *own_name(const struct tl_words *words)
{
        const struct tl_walk_end *to = &words->walk->to;
        const struct tl_model *model = words->plans->model;

        if (to->is_node)
                return model->nodes[to->node].name;
        return tl_ends_host_name(model, to->lan, &to->ip);
}

static const char *use_instead(struct tl_words *words, const struct wg_ip *dial)
{
        const char *name = own_name(words);

        return tl_words_format(words, "use %s: it is %s for %s", tl_words_ip(words, dial),
                               name ? name : tl_words_ip(words, &words->walk->to.ip),
                               words->from->name);
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
        struct wg_prefix home = tl_words_home(words, there);
        const char *prefix = tl_words_prefix(words, &home);
        struct tl_course proper = proper_course(words);
        struct verdict verdict = {
                .message = tl_words_format(
                        words, "%s's router has no route to %s%s", site->name, prefix,
                        last_step(words)->is_return ? ", so replies do not come back" : ""),
                .at = last_step(words)->travel.at,
        };

        if (wg_ip_equal(&proper.dial, &words->walk->course.dial))
                verdict.fix = tl_words_format(words,
                                              "on %s's router, add: %s; then add %s to its "
                                              "`routes`, line %u",
                                              site->name, route_text(words, here, there), prefix,
                                              (unsigned int)verdict.at.line);
        else
                verdict.fix = use_instead(words, &proper.dial);
        return verdict;
}

static bool has_range(const struct tl_network_site *site)
{
        for (uint32_t i = 0; i < site->stand_in_count; i++)
                if (!site->stand_ins[i].name.text &&
                    site->stand_ins[i].there.prefix.ip.family == WG_FAMILY_NONE)
                        return true;
        return false;
}

/* "add `virtual: 192.168.201.192/27` to shenzhen, line 6, and ..." */
static const char *add_range(struct tl_words *words, const struct wg_prefix *range)
{
        const struct tl_walk_end *from = &words->walk->from;
        const struct tl_word *site = &site_at(words, from)->in_file->name;

        return tl_words_format(words,
                               "add `virtual: %s` to %s, line %u, and keep DHCP from handing it "
                               "out: %s then answers there for machines elsewhere",
                               tl_words_prefix(words, range), site->text,
                               (unsigned int)site->at.line,
                               words->plans->model->nodes[from->node].name);
}

/* What gives the destination an address in the source's LAN, whose router nobody can change. */
static const char *stand_in_fix(struct tl_words *words)
{
        const struct tl_walk_end *from = &words->walk->from, *to = &words->walk->to;
        const struct tl_model *model = words->plans->model;
        const struct tl_network_site *site = site_at(words, from)->in_file;
        const struct tl_lan *lan = &model->lans[from->lan];
        const char *name = own_name(words), *fix = NULL;
        struct wg_prefix range = tl_ends_free_range(model, lan);
        struct wg_ip free = tl_ends_free_address(model, lan);

        if (site->stand_in_count == 0 && range.ip.family != WG_FAMILY_NONE)
                fix = add_range(words, &range);
        if (!name) {
                const struct tl_word *other = &site_at(words, to)->in_file->name;

                return tl_words_format(words, "%s%sgive %s a name under `devices` of %s, line %u",
                                       fix ? fix : "", fix ? "; and " : "",
                                       tl_words_ip(words, &to->ip), other->text,
                                       (unsigned int)other->at.line);
        }
        if (fix || free.family == WG_FAMILY_NONE)
                return fix;
        return tl_words_format(words, "%sadd `%s: %s` to `virtual` of %s, line %u",
                               has_range(site) ? "use a larger range, or " : "",
                               tl_words_ip(words, &free), name, site->name.text,
                               (unsigned int)site->name.at.line);
}

/* The other ways to give devices of the LAN a route. */
static const char *with_routes(struct tl_words *words, const char *fix)
{
        return tl_words_format(
                words,
                "%s%slet DHCP give the LAN's devices the routes (gateway: dhcp-121), "
                "or on %s alone, add: %s",
                fix ? fix : "", fix ? "; or " : "", words->from->name,
                route_text(words, &words->walk->from, &words->walk->to));
}

static const char *untouchable_fix(struct tl_words *words)
{
        const struct tl_walk_end *from = &words->walk->from, *to = &words->walk->to;
        const struct tl_lan *lan = &words->plans->model->lans[from->lan];
        struct tl_course proper;

        if (from->node == to->node && lan->node_at.family != WG_FAMILY_NONE)
                return tl_words_format(words, "use the address of %s in the LAN, %s",
                                       words->plans->model->nodes[to->node].name,
                                       tl_words_ip(words, &lan->node_at));
        proper = proper_course(words);
        if (proper.form == TL_COURSE_VIRTUAL)
                return use_instead(words, &proper.dial);
        return with_routes(words, stand_in_fix(words));
}

static struct verdict untouchable(struct tl_words *words)
{
        struct wg_prefix home = tl_words_home(words, &words->walk->to);

        return (struct verdict){
                .message = tl_words_format(words,
                                           "%s's router sends %s to the Internet, and nobody can "
                                           "give it a route",
                                           site_at(words, &words->walk->from)->name,
                                           tl_words_prefix(words, &home)),
                .fix = untouchable_fix(words),
                .at = last_step(words)->travel.at,
        };
}

static const char *drops_fix(struct tl_words *words, const struct tl_walk_end *here)
{
        const struct tl_model *model = words->plans->model;
        const struct wg_ip *node_at = &model->lans[here->lan].node_at;
        const char *site = site_at(words, here)->name;

        if (words->walk->from.node == words->walk->to.node && node_at->family != WG_FAMILY_NONE)
                return tl_words_format(words, "use the address of %s in the LAN, %s",
                                       model->nodes[here->node].name, tl_words_ip(words, node_at));
        return tl_words_format(words,
                               "let DHCP give the LAN's devices the routes (gateway: dhcp-121), or "
                               "make %s's router pass invalid packets (gateway: static-routes)",
                               site);
}

static struct verdict drops_half(struct tl_words *words)
{
        bool is_return = last_step(words)->is_return;
        const struct tl_walk_end *here = is_return ? &words->walk->to : &words->walk->from;

        return (struct verdict){
                .message = tl_words_format(
                        words,
                        "%s's router sees only one direction of the connection, and drops "
                        "its packets as invalid",
                        site_at(words, here)->name),
                .fix = drops_fix(words, here),
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

/* An address that stands for a machine: no machine has it, and only its LAN knows it. */
static struct verdict stands_for(struct tl_words *words, const struct tl_end *end,
                                 const struct tl_walk_end *place)
{
        const struct tl_model *model = words->plans->model;
        const struct tl_stand_in *here = tl_model_find_here(model, place->lan, &place->ip);
        struct wg_ip there = tl_course_translate(&place->ip, &here->here, &here->there);

        return (struct verdict){
                .message = tl_words_format(words, "%s stands for %s, but only in the LAN of %s",
                                           end->name,
                                           here->name ? here->name : tl_words_ip(words, &there),
                                           site_at(words, place)->name),
                .fix = tl_words_format(words, "use %s", tl_words_ip(words, &there)),
                .at = here->at,
        };
}

/* The same as the destination, with the address that the source must use. */
static struct verdict stands_elsewhere(struct tl_words *words)
{
        const struct tl_model *model = words->plans->model;
        const struct tl_walk_end *from = &words->walk->from, *to = &words->walk->to;
        const struct tl_stand_in *here = tl_model_find_here(model, to->lan, &to->ip);
        struct wg_ip there = tl_course_translate(&to->ip, &here->here, &here->there);
        struct tl_walk_end meant = tl_course_find(model, NULL, &there);
        struct verdict verdict = stands_for(words, words->to, to);
        struct tl_course course;

        if (meant.node == TL_MODEL_NONE || meant.node == from->node ||
            meant.ip.family != from->ip.family)
                return verdict;
        tl_course_plot(&course, model, from, &meant);
        verdict.fix = tl_words_format(words, "use %s", tl_words_ip(words, &course.dial));
        return verdict;
}

static struct verdict not_in_network(struct tl_words *words)
{
        const struct tl_model *model = words->plans->model;
        bool is_from = words->walk->from.node == TL_MODEL_NONE;
        const struct tl_end *end = is_from ? words->from : words->to;
        const struct wg_ip *ip = is_from ? &words->walk->from.ip : &words->walk->to.ip;

        if (tl_walk_is_stand_in(model, &words->walk->from))
                return stands_for(words, words->from, &words->walk->from);
        if (tl_walk_is_stand_in(model, &words->walk->to))
                return stands_elsewhere(words);
        if (wg_prefix_contains(&model->network->mapped.prefix, ip))
                return (struct verdict){
                        .message = tl_words_format(words,
                                                   "%s is in the mapped prefixes, but in that of "
                                                   "no LAN",
                                                   end->name),
                        .fix = "use the name of the machine: `tieline show` has all addresses",
                        .at = model->network->mapped.at,
                };
        if (wg_prefix_contains(&model->pool4, ip) || wg_prefix_contains(&model->pool6, ip))
                return (struct verdict){
                        .message = tl_words_format(
                                words, "%s is in the network's addresses, but no node has it",
                                end->name),
                        .fix = "use the name of the node: `tieline show` has all addresses",
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

enum { LANS_SHOWN = 4 };

/* "10.200.0.244 (d in beijing) or 10.200.1.244 (shanghai)": the addresses in the tunnel that an
 * address of several LANs may mean. */
static const char *list_meant(struct tl_words *words, const struct wg_ip *ip, struct tl_place *at)
{
        const struct tl_model *model = words->plans->model;
        const char *text = NULL;
        uint32_t count = 0;

        for (uint32_t i = 0; i < model->lan_count && count < LANS_SHOWN; i++) {
                const struct tl_lan *lan = &model->lans[i];
                const char *name = tl_ends_host_name(model, i, ip);
                struct wg_ip wire;

                if (!wg_prefix_contains(&lan->prefix, ip))
                        continue;
                if (count++ == 0)
                        *at = lan->at;
                wire = tl_course_translate(ip, &lan->prefix, &lan->wire);
                text = tl_words_format(words, "%s%s%s (%s%s%s)", text ? text : "",
                                       text ? " or " : "", tl_words_ip(words, &wire),
                                       name ? name : "", name ? " in " : "",
                                       model->sites[lan->site].name);
        }
        return text;
}

/* An address of LANs that are known by other ones in the tunnel. */
static struct verdict ambiguous(struct tl_words *words)
{
        bool is_from = words->walk->from.node == TL_MODEL_NONE;
        const struct tl_end *end = is_from ? words->from : words->to;
        struct verdict verdict = {0};
        const char *meant = list_meant(words, &end->literal, &verdict.at);

        verdict.message = tl_words_format(words,
                                          "%s is in the LAN of a site, but is not unique in the "
                                          "network",
                                          end->name);
        verdict.fix = tl_words_format(words, "use %s", meant ? meant : "a name");
        return verdict;
}

static struct verdict hidden(struct tl_words *words)
{
        const struct tl_walk_step *step = last_step(words);
        struct tl_course proper = proper_course(words);
        struct verdict verdict = {
                .message = tl_words_format(words, "%s %s", tl_words_actor(words, step),
                                           tl_words_step(words, step)),
                .at = tl_words_place(words, step),
        };

        if (!wg_ip_equal(&proper.dial, &words->walk->course.dial))
                verdict.fix = use_instead(words, &proper.dial);
        else
                verdict.fix = "give one of the two networks another prefix";
        return verdict;
}

static struct verdict overlap(struct tl_words *words)
{
        const struct tl_walk *walk = words->walk;

        if (walk->from.node == TL_MODEL_NONE || walk->to.node == TL_MODEL_NONE)
                return ambiguous(words);
        if (last_step(words)->deed == TL_WALK_LOOK_HERE)
                return hidden(words);
        return (struct verdict){
                .message = "two sites have the same LAN, so no node can be set up",
                .fix = "run `tieline check`, and give each LAN its own prefix",
                .at = words->plans->model->network->name.at,
        };
}

/* Small packets get through. */
static struct verdict narrow(struct tl_words *words)
{
        const struct tl_node *node = &words->plans->model->nodes[words->walk->narrow];
        unsigned int mtu = words->walk->narrow_mtu;

        return (struct verdict){
                .message = tl_words_format(
                        words,
                        "%s reaches %s %s, but %s's uplink carries only %u bytes, and the file "
                        "says %u: large packets are cut into fragments, or lost",
                        words->from->name, words->to->name, with_what(words), node->name, mtu,
                        node->in_file->mtu ? (unsigned int)node->in_file->mtu
                                           : (unsigned int)TL_NETWORK_MTU),
                .fix = tl_words_format(words, "add `mtu: %u` to %s, line %u", mtu, node->name,
                                       (unsigned int)node->at.line),
                .at = node->in_file->mtu ? node->in_file->mtu_at : node->at,
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
        case TL_CAUSE_MTU:
                return narrow(words);
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
