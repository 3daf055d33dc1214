/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * fuzz_network.c - any bytes as a network file. The parser must not crash. Its findings are in
 * order, at places inside the text, in one line without control characters. An accepted file keeps
 * the promises of conf/network.h. The rest of the way works with it, too: deriving twice changes
 * nothing the second time, the lock survives being written and read, and the model, the conflicts,
 * the policy, the plans and the expectations come to an end. */
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "conf/name.h"
#include "conf/network.h"
#include "conf/text.h"
#include "net/conflicts.h"
#include "net/derive.h"
#include "net/expect.h"
#include "net/model.h"
#include "net/plans.h"
#include "net/policy.h"

enum { MOST_NODES = 32, MOST_EXPECTATIONS = 32 }; /* so that an input takes milliseconds */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- findings ---- */

/* The length of a line, counted from 1, and its newline. 0: there is none. */
static size_t line_len(struct tl_text text, uint32_t line)
{
        for (; line > 1; line--) {
                size_t newline = tl_text_find(text, '\n');

                if (newline == text.len)
                        return 0;
                text = tl_text_tail(text, newline + 1);
        }
        return tl_text_find(text, '\n') + 1;
}

static void check_line(const char *text)
{
        WG_ASSERT(text[0]);
        for (; *text; text++)
                WG_ASSERT(*text >= ' ' && *text <= '~');
}

static void check_findings(const struct tl_findings *findings, struct tl_text text)
{
        WG_ASSERT(!findings->has_lost_some);
        for (uint32_t i = 0; i < findings->count; i++) {
                const struct tl_finding *f = &findings->items[i], *last = f - (i > 0);

                check_line(f->message);
                if (f->fix)
                        check_line(f->fix);
                WG_ASSERT(last->at.line < f->at.line ||
                          (last->at.line == f->at.line && last->at.column <= f->at.column));
                WG_ASSERT((f->at.line == 0) == (f->at.column == 0));
                /* The place behind the last character of a line is valid. */
                WG_ASSERT(!f->at.line || f->at.column <= line_len(text, f->at.line) + 1);
        }
}

/* ---- promises ---- */

static void check_name(const struct tl_word *word, size_t most)
{
        struct tl_text text = {word->text, strlen(word->text)};

        WG_ASSERT(tl_name_is_valid(text) && text.len <= most && word->at.line);
}

static void check_references(const struct tl_word_list *list)
{
        WG_ASSERT(list->count > 0);
        for (uint32_t i = 0; i < list->count; i++)
                WG_ASSERT(tl_name_is_reference(
                        (struct tl_text){list->items[i].text, strlen(list->items[i].text)}));
}

static void check_prefix(const struct tl_placed_prefix *prefix)
{
        struct wg_prefix masked = prefix->prefix;

        WG_ASSERT(masked.ip.family == WG_FAMILY_IPV4 || masked.ip.family == WG_FAMILY_IPV6);
        WG_ASSERT(masked.cidr <= wg_ip_bits(&masked.ip));
        wg_prefix_mask(&masked);
        WG_ASSERT(wg_ip_equal(&masked.ip, &prefix->prefix.ip));
}

static void check_node(const struct tl_network_node *node)
{
        WG_ASSERT(node->addresses.count <= 2);
        if (node->addresses.count == 2)
                WG_ASSERT(node->addresses.items[0].ip.family != node->addresses.items[1].ip.family);
        WG_ASSERT(!node->endpoint.host.text || node->endpoint.port);
        WG_ASSERT((node->mtu == 0) == (node->mtu_at.line == 0));
}

static void check_ports(const struct tl_port_list *ports)
{
        for (uint32_t i = 0; i < ports->count; i++) {
                const struct tl_port_range *range = &ports->items[i];
                bool is_icmp = range->protocol == WG_PROTOCOL_ICMP;

                WG_ASSERT(range->first <= range->last && (range->first == 0) == is_icmp);
        }
}

static void check_stand_in(const struct tl_network_stand_in *stand_in)
{
        bool has_there = stand_in->there.prefix.ip.family != WG_FAMILY_NONE;

        check_prefix(&stand_in->here);
        if (has_there)
                check_prefix(&stand_in->there);
        if (stand_in->name.text)
                WG_ASSERT(!has_there &&
                          stand_in->here.prefix.cidr == wg_ip_bits(&stand_in->here.prefix.ip));
}

static void check_device(const struct tl_network_device *device)
{
        check_node(&device->node);
        for (uint32_t i = 0; i < device->lans.count; i++)
                check_prefix(&device->lans.items[i]);
}

static void check_site(const struct tl_network_site *site)
{
        check_name(&site->name, TL_NETWORK_WORD_MAX);
        check_name(&site->node.name, TL_NETWORK_WORD_MAX);
        check_node(&site->node);
        WG_ASSERT(site->lans.count > 0);
        for (uint32_t i = 0; i < site->lans.count; i++)
                check_prefix(&site->lans.items[i]);
        WG_ASSERT(site->has_routes || site->routes.count == 0);
        for (uint32_t i = 0; i < site->stand_in_count; i++)
                check_stand_in(&site->stand_ins[i]);
        for (uint32_t i = 0; i < site->host_count; i++) {
                check_name(&site->hosts[i].name, TL_NETWORK_WORD_MAX);
                WG_ASSERT(site->hosts[i].addresses.count > 0);
        }
}

static void check_policy(const struct tl_network *n)
{
        for (uint32_t i = 0; i < n->service_count; i++) {
                check_name(&n->services[i].name, TL_NETWORK_WORD_MAX);
                WG_ASSERT(n->services[i].at.text && n->services[i].ports.count > 0);
                check_ports(&n->services[i].ports);
        }
        WG_ASSERT(n->policy_at.line || n->rule_count == 0);
        for (uint32_t i = 0; i < n->rule_count; i++) {
                check_references(&n->rules[i].from);
                check_references(&n->rules[i].to);
                check_ports(&n->rules[i].ports);
        }
        for (uint32_t i = 0; i < n->expectation_count; i++) {
                const struct tl_flow *flow = &n->expectations[i].flow;

                WG_ASSERT(flow->from.len && flow->to.len);
                WG_ASSERT((flow->port == 0) == (flow->protocol == WG_PROTOCOL_ICMP));
        }
}

static void check_network(const struct tl_network *n)
{
        check_name(&n->name, TL_NETWORK_NAME_MAX);
        WG_ASSERT(n->pool4.prefix.ip.family == WG_FAMILY_IPV4 ||
                  n->pool6.prefix.ip.family == WG_FAMILY_IPV6);
        check_prefix(&n->mapped);
        for (uint32_t i = 0; i < n->hub_count; i++) {
                check_name(&n->hubs[i].node.name, TL_NETWORK_WORD_MAX);
                check_node(&n->hubs[i].node);
                WG_ASSERT(n->hubs[i].node.endpoint.host.text);
        }
        for (uint32_t i = 0; i < n->site_count; i++)
                check_site(&n->sites[i]);
        for (uint32_t i = 0; i < n->person_count; i++) {
                check_name(&n->people[i].name, TL_NETWORK_WORD_MAX);
                for (uint32_t j = 0; j < n->people[i].device_count; j++)
                        check_device(&n->people[i].devices[j]);
        }
        check_policy(n);
}

/* ---- the rest of the way ---- */

static void check_lock(const struct tl_lock *lock)
{
        struct tl_findings findings = {0};
        struct tl_lock again = {0};
        size_t len, again_len;
        char *text = tl_lock_format(lock, &len), *again_text;

        WG_ASSERT(text && tl_lock_parse(&again, text, len, &findings));
        again_text = tl_lock_format(&again, &again_len);
        WG_ASSERT(again_text && len == again_len && !memcmp(text, again_text, len));
        free(text);
        free(again_text);
        tl_lock_done(&again);
        tl_findings_done(&findings);
}

static void plan(const struct tl_model *model, uint32_t expectations, struct tl_findings *findings)
{
        struct tl_expect_list list = {0};
        struct tl_policy policy = {0};
        struct tl_plans plans = {0};
        bool has_names = true;

        if (tl_policy_build(&policy, model, findings) && tl_plans_init(&plans, model, &policy)) {
                for (uint32_t i = 0; i < model->node_count; i++)
                        WG_ASSERT(tl_plans_get(&plans, i));
                if (expectations <= MOST_EXPECTATIONS)
                        has_names = tl_expect_check(&list, &plans, findings);
        }
        WG_ASSERT(has_names || findings->errors > 0);
        tl_expect_done(&list);
        tl_plans_done(&plans);
        tl_policy_done(&policy);
}

/* Like `tieline check`, which finds the mistakes of all parts in one run: makes the model of a file
 * with mistakes, too. A lock counts only without any, such as a name that is used twice. */
static void go_on(const struct tl_network *network, bool is_good, struct tl_findings *findings)
{
        static const uint8_t random[5] = {1, 2, 3, 4, 5};
        struct tl_model model = {0};
        struct tl_lock lock = {0};
        uint32_t changes;

        if (tl_derive(&lock, network, random, &changes, findings)) {
                is_good &= tl_model_build(&model, network, &lock, findings);
                is_good &= tl_conflicts_find(&model, findings);
                if (is_good && model.node_count <= MOST_NODES)
                        plan(&model, network->expectation_count, findings);
                if (is_good) {
                        check_lock(&lock);
                        WG_ASSERT(tl_derive(&lock, network, random, &changes, findings));
                        WG_ASSERT(changes == 0);
                }
        }
        tl_model_done(&model);
        tl_lock_done(&lock);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct tl_text text = {(const char *)data, size};
        struct tl_findings findings = {0};
        struct tl_network network;
        bool is_good = tl_network_parse(&network, text.at, text.len, &findings);

        check_findings(&findings, text);
        WG_ASSERT(is_good == (findings.count == 0));
        if (is_good)
                check_network(&network);
        go_on(&network, is_good, &findings);
        tl_findings_sort(&findings);
        check_findings(&findings, text);
        tl_network_done(&network);
        tl_findings_done(&findings);
        return 0;
}
