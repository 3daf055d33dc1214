/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/taking.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "io/clock.h"
#include "io/netset.h"

enum { MAC_TEXT_SIZE = 3 * TL_PROBE_MAC_LEN, OTHERS_SIZE = 32 };

struct tl_place tl_taking_place(const struct tl_machine *machine, const struct wg_ip *ip)
{
        const struct tl_model *model = &machine->model;
        uint32_t site = model->nodes[machine->node].site;

        for (uint32_t i = 0; i < model->stand_in_count; i++)
                if (model->lans[model->stand_ins[i].lan].site == site &&
                    wg_prefix_contains(&model->stand_ins[i].here, ip))
                        return model->stand_ins[i].at;
        return model->nodes[machine->node].at;
}

/* ---- what is taken ---- */

/* Adds an address; they come in order. */
static int add(struct tl_taking **first, struct tl_arena *arena,
               const struct tl_planned_proxy *proxy)
{
        struct tl_taking *taking = *first;
        struct tl_duplicates_target *larger;

        while (taking && (strcmp(taking->link, proxy->link) != 0 ||
                          taking->targets[0].ip.family != proxy->ip.family))
                taking = taking->next;
        if (!taking) {
                taking = tl_arena_take(arena, 1, sizeof(*taking));
                if (!taking)
                        return -ENOMEM;
                taking->link = proxy->link;
                taking->next = *first;
        }
        larger = tl_arena_grow(arena, taking->targets, taking->count, &taking->capacity,
                               sizeof(*larger));
        if (!larger)
                return -ENOMEM;
        if (!taking->count)
                *first = taking;
        taking->targets = larger;
        larger[taking->count++] = (struct tl_duplicates_target){.ip = proxy->ip};
        return 0;
}

/* Old kernels do not say whose an entry is. */
static bool is_ours(const struct tl_netset_proxy *proxy)
{
        return proxy->protocol == TL_NODEPLAN_PROTOCOL || proxy->protocol == 0;
}

static bool is_answered_for(const struct tl_planned_proxy *proxy,
                            const struct tl_netset_proxy *running, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (wg_ip_equal(&running[i].ip, &proxy->ip) && is_ours(&running[i]) &&
                    running[i].ifindex == if_nametoindex(proxy->link))
                        return true;
        return false;
}

static int list(struct tl_taking **first, struct tl_arena *arena, const struct tl_nodeplan *plan)
{
        struct tl_netset_proxy *running = NULL;
        size_t count = 0;
        int error = plan->proxy_count ? tl_netset_list_proxies(&running, &count) : 0;

        for (uint32_t i = 0; !error && i < plan->proxy_count; i++)
                if (plan->proxies[i].link && !is_answered_for(&plan->proxies[i], running, count))
                        error = add(first, arena, &plan->proxies[i]);
        free(running);
        return error;
}

/* ---- the probe ---- */

static uint64_t work(void *probe, uint64_t now_ns)
{
        return tl_duplicates_work(probe, now_ns);
}

static void hear(void *probe, const uint8_t from[TL_PROBE_MAC_LEN], const uint8_t *packet,
                 size_t len)
{
        tl_duplicates_hear(probe, from, packet, len);
}

static void start(struct tl_taking *taking, struct tl_probejobs *jobs)
{
        bool is_ipv4 = taking->targets[0].ip.family == WG_FAMILY_IPV4;
        int error;
        struct tl_probejob *job = tl_probejobs_add(
                jobs, taking->link, is_ipv4 ? TL_PACKET_ARP : TL_PACKET_NDP, 0, &error);

        if (!job) {
                taking->probe.error = error;
                return;
        }
        tl_duplicates_begin(&taking->probe, &job->link, taking->targets, taking->count,
                            tl_clock_boot_ns());
        job->probe = &taking->probe;
        job->work = work;
        job->hear = hear;
}

int tl_taking_begin(struct tl_taking **first, struct tl_probejobs *jobs,
                    const struct tl_machine *machine)
{
        int error;

        *first = NULL;
        error = list(first, &jobs->arena, &machine->plan);
        if (error)
                return error;
        for (struct tl_taking *taking = *first; taking; taking = taking->next)
                start(taking, jobs);
        return 0;
}

/* ---- findings ---- */

static const char *format_mac(char text[MAC_TEXT_SIZE], const uint8_t mac[TL_PROBE_MAC_LEN])
{
        snprintf(text, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
                 mac[3], mac[4], mac[5]);
        return text;
}

/* Whether two addresses are of one line of the file, and one machine has both. */
static bool is_alike(const struct tl_machine *machine, const struct tl_duplicates_target *a,
                     const struct tl_duplicates_target *b)
{
        struct tl_place a_at, b_at;

        if (!a->is_in_use || !b->is_in_use || memcmp(a->mac, b->mac, TL_PROBE_MAC_LEN) != 0)
                return false;
        a_at = tl_taking_place(machine, &a->ip);
        b_at = tl_taking_place(machine, &b->ip);
        return a_at.line == b_at.line && a_at.column == b_at.column;
}

/* Reports an address that is in use, unless an earlier one has been reported for both. */
static void report_use(struct tl_machine *machine, const struct tl_taking *taking, uint32_t index)
{
        const struct tl_duplicates_target *target = &taking->targets[index];
        char ip[TL_ADDRESS_IP_SIZE], mac[MAC_TEXT_SIZE], others[OTHERS_SIZE] = "";
        uint32_t more = 0;

        for (uint32_t i = 0; i < index; i++)
                if (is_alike(machine, target, &taking->targets[i]))
                        return;
        for (uint32_t i = index + 1; i < taking->count; i++)
                more += is_alike(machine, target, &taking->targets[i]);
        if (more)
                snprintf(others, sizeof(others), " and %u more address%s", more,
                         more == 1 ? "" : "es");
        tl_address_format_ip(ip, &target->ip);
        tl_findings_error(&machine->findings, tl_taking_place(machine, &target->ip),
                          "give `virtual:` another range, or that machine another address",
                          "%s%s %s in use by %s on %s", ip, others, more ? "are" : "is",
                          format_mac(mac, target->mac), taking->link);
}

static void report_error(struct tl_machine *machine, const struct tl_taking *taking)
{
        char ip[TL_ADDRESS_IP_SIZE];

        tl_address_format_ip(ip, &taking->targets[0].ip);
        tl_findings_error(&machine->findings, tl_taking_place(machine, &taking->targets[0].ip),
                          "connect this machine to its LAN, or use --no-probe",
                          "cannot find out whether another machine has %s: %s: %s", ip,
                          taking->link, tl_probejobs_error(taking->probe.error));
}

bool tl_taking_report(const struct tl_taking *first, struct tl_machine *machine)
{
        bool is_good = true;

        for (const struct tl_taking *taking = first; taking; taking = taking->next) {
                if (taking->probe.error) {
                        report_error(machine, taking);
                        is_good = false;
                        continue;
                }
                for (uint32_t i = 0; i < taking->count; i++) {
                        if (!taking->targets[i].is_in_use)
                                continue;
                        report_use(machine, taking, i);
                        is_good = false;
                }
        }
        return is_good;
}
