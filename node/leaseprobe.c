/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/leaseprobe.h"

#include <errno.h>
#include <string.h>

#define MS UINT64_C(1000000)

static const uint64_t repeat_ns = 500 * MS;
static const uint64_t server_ns = 1500 * MS; /* for a first answer */
static const uint64_t offer_ns = 3500 * MS;  /* for an offer, after any answer */

void tl_leaseprobe_begin(struct tl_leaseprobe *p, const struct tl_probe_link *link,
                         const struct wg_ip *own, const struct wg_ip *addresses, uint32_t count,
                         const uint64_t random[TL_LEASEPROBE_QUESTIONS + 1], uint64_t now_ns)
{
        WG_ASSERT(count <= TL_LEASEPROBE_QUESTIONS);
        *p = (struct tl_leaseprobe){
                .link = link,
                .count = count,
                .information = {.id = (uint32_t)random[TL_LEASEPROBE_QUESTIONS], .ip = *own},
                .due_ns = now_ns,
                .end_ns = now_ns + (count ? server_ns : 0),
        };
        memcpy(p->information.client, link->mac, TL_DHCP_MAC_LEN);
        for (uint32_t i = 0; i < count; i++) {
                struct tl_dhcp_question *question = &p->items[i].question;

                question->id = (uint32_t)random[i];
                memcpy(question->client, &random[i], TL_DHCP_MAC_LEN);
                question->client[0] = 0x02; /* a locally administered address of one machine */
                question->ip = addresses[i];
        }
}

static bool is_answered(const struct tl_leaseprobe *p, uint32_t i)
{
        return p->items[i].offered.family != WG_FAMILY_NONE;
}

/* ---- questions ---- */

static void send(struct tl_leaseprobe *p, const uint8_t packet[TL_DHCP_SIZE])
{
        static const uint8_t everybody[TL_PROBE_MAC_LEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
        int error = p->link->send(p->link->ctx, everybody, packet, TL_DHCP_SIZE);

        if (error != -EAGAIN && error != -ENOBUFS)
                p->error = error;
}

/* Asks what is not answered yet: at first, and once more, as packets may be lost. Information comes
 * first, while the server has nothing else to do. */
static void send_all(struct tl_leaseprobe *p, uint64_t now_ns)
{
        uint8_t packet[TL_DHCP_SIZE];

        if (p->information.ip.family && !p->has_server) {
                tl_dhcp_inform(packet, &p->information);
                send(p, packet);
        }
        for (uint32_t i = 0; i < p->count && !p->error; i++) {
                if (is_answered(p, i))
                        continue;
                tl_dhcp_discover(packet, &p->items[i].question);
                send(p, packet);
        }
        p->due_ns = p->rounds ? TL_PROBE_NEVER : now_ns + repeat_ns;
        p->rounds++;
}

static uint32_t count_answers(const struct tl_leaseprobe *p)
{
        uint32_t count = p->has_server;

        for (uint32_t i = 0; i < p->count; i++)
                count += is_answered(p, i);
        return count;
}

static bool is_settled(const struct tl_leaseprobe *p)
{
        uint32_t open = p->count;

        for (uint32_t i = 0; i < p->count; i++) {
                if (tl_leaseprobe_is_offered(p, i))
                        return true;
                open -= is_answered(p, i);
        }
        return !open;
}

uint64_t tl_leaseprobe_work(struct tl_leaseprobe *p, uint64_t now_ns)
{
        uint32_t answers = count_answers(p);

        if (answers > p->answers)
                p->end_ns = now_ns + offer_ns;
        p->answers = answers;
        if (now_ns >= p->due_ns && now_ns < p->end_ns && !is_settled(p))
                send_all(p, now_ns);
        if (p->error || now_ns >= p->end_ns || is_settled(p))
                return TL_PROBE_NEVER;
        return WG_MIN(p->due_ns, p->end_ns);
}

/* ---- answers ---- */

static bool is_answer(const struct tl_dhcp_answer *answer, const struct tl_dhcp_question *question)
{
        return answer->id == question->id &&
               memcmp(answer->client, question->client, TL_DHCP_MAC_LEN) == 0;
}

void tl_leaseprobe_hear(struct tl_leaseprobe *p, const uint8_t *packet, size_t len)
{
        struct tl_dhcp_answer answer;

        if (!tl_dhcp_read(&answer, packet, len))
                return;
        p->has_server |= is_answer(&answer, &p->information);
        for (uint32_t i = 0; i < p->count; i++) {
                if (!is_answer(&answer, &p->items[i].question) || !answer.offered.family ||
                    tl_leaseprobe_is_offered(p, i))
                        continue; /* one server of several is enough */
                p->items[i].offered = answer.offered;
                p->items[i].server = answer.server;
                p->has_server = true;
        }
}

bool tl_leaseprobe_is_offered(const struct tl_leaseprobe *p, uint32_t i)
{
        return wg_ip_equal(&p->items[i].offered, &p->items[i].question.ip);
}
