/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/routerprobe.h"

#include <errno.h>
#include <string.h>

#include "io/neighbour.h"

WG_ENUM_DEFINE(tl_routerprobe_verdict, TL_ROUTERPROBE_VERDICTS)

#define MS UINT64_C(1000000)

enum {
        QUESTIONS_MAX = 5, /* until the router counts as absent */
        ROUNDS = 6,
        ROUNDS_FOR_REDIRECTS = 3, /* at least: routers send few */
        SURE = 4,                 /* packets, of which none came back */
        BURST = 32,
        HOP_LIMIT = 4, /* routers that packets may pass */
        KIND_BITS = 4,
        TAG_BITS = 20, /* of a tag that tell target and kind; the rest is the task's */
};

static const uint64_t question_ns = 200 * MS;
static const uint64_t round_ns = 180 * MS;
static const uint64_t burst_ns = 4 * MS;
static const uint64_t patience_ns = 400 * MS; /* after the last round */

_Static_assert(TL_ROUTERPROBE_TARGETS_MAX <= 1 << (TAG_BITS - KIND_BITS), "tags tell them apart");

void tl_routerprobe_begin(struct tl_routerprobe *p, const struct tl_routerprobe_task *task,
                          uint64_t now_ns)
{
        WG_ASSERT(task->count <= TL_ROUTERPROBE_TARGETS_MAX);
        *p = (struct tl_routerprobe){.task = *task, .begun_ns = now_ns, .due_ns = now_ns};
        p->task.tag &= ~(uint64_t)0 << TAG_BITS;
        if (!task->count)
                p->due_ns = TL_PROBE_NEVER;
}

/* ---- sending ---- */

/* A full queue is a loss like any other. */
static int send(const struct tl_probe_link *link, const uint8_t *to, const uint8_t *packet,
                size_t len)
{
        int error = link->send(link->ctx, to, packet, len);

        return error == -EAGAIN || error == -ENOBUFS ? 0 : error;
}

static void ask_router(struct tl_routerprobe *p)
{
        uint8_t packet[TL_NEIGHBOUR_SIZE], to[TL_PROBE_MAC_LEN];
        size_t len = tl_neighbour_ask(packet, to, p->task.ask->mac, &p->task.own, &p->task.router);

        p->questions.sent++;
        p->error = send(p->task.ask, to, packet, len);
}

/* Each kind has a port of its own, or it would seem to belong to the connection of another. */
static void send_echo(struct tl_routerprobe *p, uint32_t target, enum tl_echo_kind kind)
{
        const struct tl_echo echo = {
                .kind = kind,
                .from = p->task.own,
                .to = p->task.targets[target].ip,
                .from_port = (uint16_t)(p->task.port + 1 + kind),
                .to_port = p->task.port,
                .hop_limit = HOP_LIMIT,
                .tag = p->task.tag | target << KIND_BITS | (uint32_t)kind,
        };
        uint8_t packet[TL_ECHO_SIZE];
        size_t len = tl_echo_compose(packet, &echo);

        if (!p->error)
                p->error = send(p->task.echo, p->router_mac, packet, len);
        if (kind == TL_ECHO_UDP)
                p->task.targets[target].packets.sent++;
        if (target == p->reference)
                p->segments[kind].sent++;
}

/* Datagrams to the reference show how many packets are lost, so they do not end when one came back.
 * Returns how many packets that took. */
static uint32_t send_to(struct tl_routerprobe *p, uint32_t target)
{
        bool is_reference = target == p->reference;
        bool is_wanted = is_reference || !p->task.targets[target].packets.back;

        if (is_wanted)
                send_echo(p, target, TL_ECHO_UDP);
        if (!is_reference || !p->task.is_firewall_of_interest)
                return is_wanted;
        if (!p->segments[TL_ECHO_ACK].back)
                send_echo(p, target, TL_ECHO_ACK);
        if (!p->segments[TL_ECHO_SYN_ACK].back)
                send_echo(p, target, TL_ECHO_SYN_ACK);
        return WG_ENUM_COUNT(tl_echo_kind);
}

static void send_burst(struct tl_routerprobe *p)
{
        for (uint32_t sent = 0; sent < BURST && p->next < p->task.count && !p->error; p->next++)
                sent += send_to(p, p->next);
}

/* ---- the order of things ---- */

static bool is_settled(const struct tl_routerprobe *p)
{
        if (p->task.is_redirect_of_interest && p->round < ROUNDS_FOR_REDIRECTS)
                return false;
        for (uint32_t i = 0; i < p->task.count; i++)
                if (!p->task.targets[i].packets.back)
                        return false;
        return !p->task.is_firewall_of_interest ||
               (p->segments[TL_ECHO_ACK].back && p->segments[TL_ECHO_SYN_ACK].back);
}

static uint64_t look_for_router(struct tl_routerprobe *p, uint64_t now_ns)
{
        if (now_ns < p->due_ns)
                return p->due_ns;
        if (p->questions.sent == QUESTIONS_MAX)
                return TL_PROBE_NEVER;
        ask_router(p);
        return now_ns + question_ns;
}

static void begin_round(struct tl_routerprobe *p, uint64_t now_ns)
{
        p->begun_ns = now_ns;
        p->next = 0;
        ask_router(p);
}

static uint64_t end_round(struct tl_routerprobe *p, uint64_t now_ns)
{
        p->round++;
        if (p->round == ROUNDS)
                return now_ns + patience_ns;
        return WG_MAX(p->begun_ns + round_ns, now_ns + burst_ns);
}

/* Sends the rest of a round, in bursts. */
static uint64_t send_round(struct tl_routerprobe *p, uint64_t now_ns)
{
        if (p->round == ROUNDS)
                return TL_PROBE_NEVER;
        if (p->next == 0 || p->next == p->task.count)
                begin_round(p, now_ns);
        send_burst(p);
        return p->next < p->task.count ? now_ns + burst_ns : end_round(p, now_ns);
}

uint64_t tl_routerprobe_work(struct tl_routerprobe *p, uint64_t now_ns)
{
        if (p->due_ns == TL_PROBE_NEVER)
                return p->due_ns;
        if (!p->has_router)
                p->due_ns = look_for_router(p, now_ns);
        else if (is_settled(p))
                p->due_ns = TL_PROBE_NEVER;
        else if (p->due_ns <= now_ns)
                p->due_ns = send_round(p, now_ns);
        if (p->error)
                p->due_ns = TL_PROBE_NEVER;
        return p->due_ns;
}

/* ---- hearing ---- */

void tl_routerprobe_hear_answer(struct tl_routerprobe *p, const uint8_t from[TL_PROBE_MAC_LEN],
                                const uint8_t *packet, size_t len)
{
        struct tl_neighbour_claim claim;

        if (!tl_neighbour_read(&claim, p->task.own.family, from, packet, len) ||
            claim.is_question || !wg_ip_equal(&claim.ip, &p->task.router))
                return;
        p->questions.back++;
        if (p->has_router)
                return;
        p->has_router = true;
        memcpy(p->router_mac, claim.mac, TL_PROBE_MAC_LEN);
        if (p->due_ns != TL_PROBE_NEVER)
                p->due_ns = 0;
}

static void take_echo(struct tl_routerprobe *p, const struct tl_echo *echo)
{
        uint64_t own = echo->tag ^ p->task.tag;
        uint32_t target = (uint32_t)(own >> KIND_BITS);

        if (own >> TAG_BITS || (own & ((1 << KIND_BITS) - 1)) != (uint64_t)echo->kind ||
            target >= p->task.count)
                return;
        if (!p->is_reference_sure && target != p->reference) {
                p->reference = target;
                memset(p->segments, 0, sizeof(p->segments));
        }
        p->is_reference_sure = true;
        p->task.targets[target].packets.back++;
        if (target == p->reference)
                p->segments[echo->kind].back++;
        p->task.targets[target].is_rewritten |= !wg_ip_equal(&echo->from, &p->task.own);
}

static void take_redirect(struct tl_routerprobe *p, const struct tl_echo_redirect *redirect)
{
        for (uint32_t i = 0; i < p->task.count; i++)
                if (wg_ip_equal(&p->task.targets[i].ip, &redirect->to))
                        p->task.targets[i].is_redirected = true;
}

void tl_routerprobe_hear_echo(struct tl_routerprobe *p, const uint8_t from[TL_PROBE_MAC_LEN],
                              const uint8_t *packet, size_t len)
{
        struct tl_echo echo;
        struct tl_echo_redirect redirect;

        if (memcmp(from, p->task.echo->mac, TL_PROBE_MAC_LEN) == 0)
                return; /* a loop of switches */
        if (tl_echo_read(&echo, p->task.own.family, packet, len))
                take_echo(p, &echo);
        else if (tl_echo_read_redirect(&redirect, p->task.own.family, packet, len))
                take_redirect(p, &redirect);
}

/* ---- verdicts ---- */

static bool mostly_came_back(const struct tl_routerprobe_count *count)
{
        return count->sent >= SURE && count->back * 2 >= count->sent;
}

/* Whether packets would have come back. */
static bool is_link_good(const struct tl_routerprobe *p)
{
        return mostly_came_back(p->is_reference_sure ? &p->segments[TL_ECHO_UDP] : &p->questions);
}

static enum tl_routerprobe_verdict judge(const struct tl_routerprobe *p,
                                         const struct tl_routerprobe_count *count)
{
        if (count->back)
                return TL_ROUTERPROBE_YES;
        return count->sent >= SURE && is_link_good(p) ? TL_ROUTERPROBE_NO : TL_ROUTERPROBE_UNKNOWN;
}

enum tl_routerprobe_verdict tl_routerprobe_has_route(const struct tl_routerprobe *p,
                                                     uint32_t target)
{
        return judge(p, &p->task.targets[target].packets);
}

enum tl_routerprobe_verdict tl_routerprobe_passes_half(const struct tl_routerprobe *p)
{
        enum tl_routerprobe_verdict ack = judge(p, &p->segments[TL_ECHO_ACK]);
        enum tl_routerprobe_verdict syn_ack = judge(p, &p->segments[TL_ECHO_SYN_ACK]);

        if (!p->is_reference_sure)
                return TL_ROUTERPROBE_UNKNOWN;
        return ack == TL_ROUTERPROBE_YES ? syn_ack : ack;
}
