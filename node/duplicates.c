/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/duplicates.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/neighbour.h"

_Static_assert((int)TL_PROBE_MAC_LEN == (int)TL_NEIGHBOUR_MAC_LEN, "both are Ethernet addresses");

#define MS UINT64_C(1000000)

enum {
        BURST = 8, /* questions at once */
        MANY = 512,
        ROUNDS = 3,
        ROUNDS_OF_MANY = 2,
};

static const uint64_t burst_ns = 4 * MS;
static const uint64_t round_ns = 300 * MS;    /* at least, from one round to the next */
static const uint64_t patience_ns = 400 * MS; /* after the last question */
static const uint64_t give_up_ns = 3000 * MS; /* if the link takes no packets */

void tl_duplicates_begin(struct tl_duplicates *d, const struct tl_probe_link *link,
                         struct tl_duplicates_target *targets, uint32_t count, uint64_t now_ns)
{
        *d = (struct tl_duplicates){
                .link = link,
                .targets = targets,
                .count = count,
                .due_ns = count ? now_ns : TL_PROBE_NEVER,
                .begun_ns = now_ns,
                .give_up_ns = now_ns + give_up_ns,
        };
}

static int ask(const struct tl_duplicates *d, const struct wg_ip *target)
{
        static const struct wg_ip nobody = {.family = WG_FAMILY_NONE};
        uint8_t packet[TL_NEIGHBOUR_SIZE], to[TL_PROBE_MAC_LEN];
        size_t len = tl_neighbour_ask(packet, to, d->link->mac, &nobody, target);

        return d->link->send(d->link->ctx, to, packet, len);
}

/* Sends up to BURST questions of a round. A question that the link cannot take yet comes first the
 * next time. */
static void send_burst(struct tl_duplicates *d, uint64_t now_ns)
{
        for (uint32_t sent = 0; sent < BURST && d->next < d->count; d->next++) {
                const struct tl_duplicates_target *target = &d->targets[d->next];
                bool is_asked = !target->is_in_use;
                int error = is_asked ? ask(d, &target->ip) : 0;

                if ((error == -EAGAIN || error == -ENOBUFS) && now_ns < d->give_up_ns)
                        return;
                if (error) {
                        d->error = error;
                        return;
                }
                sent += is_asked;
        }
}

static uint32_t count_rounds(const struct tl_duplicates *d)
{
        return d->count > MANY ? ROUNDS_OF_MANY : ROUNDS;
}

static void end_round(struct tl_duplicates *d, uint64_t now_ns)
{
        uint32_t rounds = count_rounds(d);

        d->round++;
        d->next = 0;
        d->due_ns = WG_MAX(d->begun_ns + round_ns, now_ns + burst_ns);
        if (d->round == rounds)
                d->due_ns = now_ns + patience_ns;
        if (d->round > rounds)
                d->due_ns = TL_PROBE_NEVER;
        d->begun_ns = d->due_ns;
}

uint64_t tl_duplicates_work(struct tl_duplicates *d, uint64_t now_ns)
{
        if (now_ns < d->due_ns || d->due_ns == TL_PROBE_NEVER)
                return d->due_ns;
        if (d->round < count_rounds(d))
                send_burst(d, now_ns);
        else
                d->next = d->count;
        if (d->error)
                d->due_ns = TL_PROBE_NEVER;
        else if (d->next < d->count)
                d->due_ns = now_ns + burst_ns;
        else
                end_round(d, now_ns);
        return d->due_ns;
}

static int compare(const void *ip, const void *target)
{
        return wg_ip_compare(ip, &((const struct tl_duplicates_target *)target)->ip);
}

void tl_duplicates_hear(struct tl_duplicates *d, const uint8_t from[TL_PROBE_MAC_LEN],
                        const uint8_t *packet, size_t len)
{
        struct tl_neighbour_claim claim;
        struct tl_duplicates_target *target;

        if (!d->count || !tl_neighbour_read(&claim, d->targets[0].ip.family, from, packet, len) ||
            memcmp(claim.mac, d->link->mac, TL_PROBE_MAC_LEN) == 0)
                return; /* our own question may come back, in a loop of switches */
        target = bsearch(&claim.ip, d->targets, d->count, sizeof(*target), compare);
        if (!target)
                return;
        target->is_in_use = true;
        memcpy(target->mac, claim.mac, TL_PROBE_MAC_LEN);
}
