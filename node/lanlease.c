/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/lanlease.h"

#include <errno.h>
#include <string.h>

#include "conf/address.h"
#include "io/clock.h"
#include "io/random.h"
#include "net/ownlan.h"

static uint64_t work(void *probe, uint64_t now_ns)
{
        return tl_leaseprobe_work(probe, now_ns);
}

static void hear(void *probe, const uint8_t from[TL_PROBE_MAC_LEN], const uint8_t *packet,
                 size_t len)
{
        (void)from; /* it may be a relay */
        tl_leaseprobe_hear(probe, packet, len);
}

/* The address of this machine in the network of another one; family NONE: it has none. */
static struct wg_ip find_own(const struct tl_local *local, const char *link,
                             const struct wg_ip *other)
{
        for (uint32_t i = 0; i < local->net_count; i++) {
                const struct tl_local_net *net = &local->nets[i];
                const struct wg_prefix prefix = tl_ownlan_prefix(net);

                if (strcmp(net->link, link) == 0 && wg_prefix_contains(&prefix, other))
                        return net->ip;
        }
        return (struct wg_ip){.family = WG_FAMILY_NONE};
}

static int ask(struct tl_lanlease **first, struct tl_probejobs *jobs,
               const struct tl_taking *taking, const struct tl_local *local)
{
        const struct wg_ip own = find_own(local, taking->link, &taking->targets[0].ip);
        const struct wg_ip ends[] = {taking->targets[0].ip, taking->targets[taking->count - 1].ip};
        uint64_t random[TL_LEASEPROBE_QUESTIONS + 1];
        struct tl_lanlease *lease;
        int error;
        struct tl_probejob *job = tl_probejobs_add(jobs, taking->link, TL_PACKET_DHCP, 0, &error);

        _Static_assert(WG_ARRAY_SIZE(ends) == TL_LEASEPROBE_QUESTIONS, "both ends are asked for");
        if (!job)
                return error == -ENOMEM ? error : 0;
        lease = tl_arena_take(&jobs->arena, 1, sizeof(*lease));
        if (!lease)
                return -ENOMEM;
        tl_random_fill(random, sizeof(random));
        tl_leaseprobe_begin(&lease->probe, &job->link, &own, ends, WG_MIN(taking->count, 2u),
                            random, tl_clock_boot_ns());
        job->probe = &lease->probe;
        job->work = work;
        job->hear = hear;
        lease->next = *first;
        *first = lease;
        return 0;
}

int tl_lanlease_begin(struct tl_lanlease **first, struct tl_probejobs *jobs,
                      const struct tl_taking *taking, const struct tl_local *local)
{
        int error = 0;

        *first = NULL;
        for (; !error && taking; taking = taking->next)
                if (taking->targets[0].ip.family == WG_FAMILY_IPV4)
                        error = ask(first, jobs, taking, local);
        return error;
}

void tl_lanlease_report(const struct tl_lanlease *first, struct tl_machine *machine)
{
        for (const struct tl_lanlease *lease = first; lease; lease = lease->next) {
                for (uint32_t i = 0; i < lease->probe.count; i++) {
                        char offered[TL_ADDRESS_IP_SIZE], server[TL_ADDRESS_IP_SIZE];

                        if (!tl_leaseprobe_is_offered(&lease->probe, i))
                                continue;
                        tl_address_format_ip(offered, &lease->probe.items[i].offered);
                        tl_address_format_ip(server, &lease->probe.items[i].server);
                        tl_findings_add(
                                &machine->findings, TL_FINDING_WARNING,
                                tl_taking_place(machine, &lease->probe.items[i].offered), NULL,
                                "exclude the range from DHCP, or give `virtual:` another one",
                                "the DHCP server %s hands out addresses of this range: it "
                                "offers %s",
                                server, offered);
                        break;
                }
        }
}
