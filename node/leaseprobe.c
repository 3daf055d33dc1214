/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/leaseprobe.h"

#include <errno.h>
#include <string.h>

#define MS UINT64_C(1000000)

static const uint64_t repeat_ns = 500 * MS;
static const uint64_t patience_ns = 4000 * MS; /* for a first answer */
static const uint64_t next_ns = 3500 * MS;     /* for another one */

void tl_leaseprobe_begin(struct tl_leaseprobe *p, const struct tl_probe_link *link,
                         const struct wg_ip *addresses, uint32_t count,
                         const uint64_t random[TL_LEASEPROBE_QUESTIONS], uint64_t now_ns)
{
        WG_ASSERT(count <= TL_LEASEPROBE_QUESTIONS);
        *p = (struct tl_leaseprobe){
                .link = link,
                .count = count,
                .due_ns = count ? now_ns : TL_PROBE_NEVER,
                .end_ns = now_ns + patience_ns,
        };
        for (uint32_t i = 0; i < count; i++) {
                struct tl_dhcp_question *question = &p->items[i].question;

                question->id = (uint32_t)random[i];
                memcpy(question->client, &random[i], TL_DHCP_MAC_LEN);
                question->client[0] = 0x02; /* a locally administered address of one machine */
                question->wanted = addresses[i];
        }
}

static void ask(struct tl_leaseprobe *p, uint32_t i)
{
        static const uint8_t everybody[TL_PROBE_MAC_LEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
        uint8_t packet[TL_DHCP_SIZE];
        size_t len = tl_dhcp_discover(packet, &p->items[i].question);
        int error = p->link->send(p->link->ctx, everybody, packet, len);

        if (error != -EAGAIN && error != -ENOBUFS)
                p->error = error;
}

static bool is_answered(const struct tl_leaseprobe *p, uint32_t i)
{
        return p->items[i].offered.family != WG_FAMILY_NONE;
}

static uint32_t count_answers(const struct tl_leaseprobe *p)
{
        uint32_t count = 0;

        for (uint32_t i = 0; i < p->count; i++)
                count += is_answered(p, i);
        return count;
}

static bool is_settled(const struct tl_leaseprobe *p)
{
        for (uint32_t i = 0; i < p->count; i++)
                if (tl_leaseprobe_is_offered(p, i))
                        return true;
        return p->answers == p->count;
}

/* Asks what is not answered yet: at first, and once more, as packets may be lost. */
static void send_all(struct tl_leaseprobe *p, uint64_t now_ns)
{
        for (uint32_t i = 0; i < p->count && !p->error; i++)
                if (!is_answered(p, i))
                        ask(p, i);
        p->due_ns = p->rounds ? TL_PROBE_NEVER : now_ns + repeat_ns;
        p->rounds++;
}

uint64_t tl_leaseprobe_work(struct tl_leaseprobe *p, uint64_t now_ns)
{
        uint32_t answers = count_answers(p);

        if (answers > p->answers)
                p->end_ns = now_ns + next_ns;
        p->answers = answers;
        if (p->error || now_ns >= p->end_ns || is_settled(p))
                return TL_PROBE_NEVER;
        if (now_ns >= p->due_ns)
                send_all(p, now_ns);
        return p->error ? TL_PROBE_NEVER : WG_MIN(p->due_ns, p->end_ns);
}

void tl_leaseprobe_hear(struct tl_leaseprobe *p, const uint8_t *packet, size_t len)
{
        struct tl_dhcp_offer offer;

        if (!tl_dhcp_read_offer(&offer, packet, len))
                return;
        for (uint32_t i = 0; i < p->count; i++) {
                const struct tl_dhcp_question *question = &p->items[i].question;

                if (offer.id != question->id ||
                    memcmp(offer.client, question->client, TL_DHCP_MAC_LEN) != 0 ||
                    tl_leaseprobe_is_offered(p, i))
                        continue; /* one server of several is enough */
                p->items[i].offered = offer.offered;
                p->items[i].server = offer.server;
        }
}

bool tl_leaseprobe_is_offered(const struct tl_leaseprobe *p, uint32_t i)
{
        return wg_ip_equal(&p->items[i].offered, &p->items[i].question.wanted);
}
