/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "sim/attacker.h"

#include "base/bytes.h"
#include "crypto/blake2s.h"

/* ---- what the attacker knows ---- */

static uint64_t own_clock(const struct sim_attacker *a)
{
        return a->world->now_ns + 1;
}

static void tap(void *context, unsigned int node, const struct wg_endpoint *from,
                const struct wg_endpoint *to, const uint8_t *bytes, uint32_t len, uint8_t tos)
{
        struct sim_attacker *a = context;
        struct sim_captured *c = &a->captured[a->seen % SIM_CAPTURED_MAX];

        (void)tos;
        if (len == WG_COOKIE_LEN && wg_endpoint_is_same_remote(to, &a->home) &&
            wg_cookie_store(&a->jar, a->world->nodes[node]->public_key, own_clock(a), bytes))
                sim_trace(a->world, SIM_STRANGER, "the attacker receives a cookie");
        if (len > sizeof(c->bytes))
                return;
        c->from = *from;
        c->to = *to;
        c->node = node;
        c->len = len;
        memcpy(c->bytes, bytes, len);
        a->seen++;
}

/* One of the last datagrams; NULL if there is none. */
static struct sim_captured *any_captured(struct sim_attacker *a)
{
        uint64_t n = WG_MIN(a->seen, (uint64_t)SIM_CAPTURED_MAX);

        return n ? &a->captured[sim_random_below(&a->random, n)] : NULL;
}

/* The same, for messages of the type with that first byte. */
static struct sim_captured *captured_type(struct sim_attacker *a, uint8_t type)
{
        for (unsigned int i = 0; i < SIM_CAPTURED_MAX; i++) {
                struct sim_captured *c = any_captured(a);

                if (c && c->bytes[0] == type)
                        return c;
        }
        return NULL;
}

static uint8_t any_family(struct sim_attacker *a)
{
        return sim_random_chance(&a->random, 500) ? WG_FAMILY_IPV4 : WG_FAMILY_IPV6;
}

static struct wg_endpoint any_place(struct sim_attacker *a)
{
        return sim_net_strange_endpoint(&a->world->net, any_family(a));
}

static unsigned int any_node(struct sim_attacker *a)
{
        return (unsigned int)sim_random_below(&a->random, a->world->node_count);
}

/* A node's endpoint as seen on the wire. Behind NAT, the one it last sent from. */
static struct wg_endpoint place_of(struct sim_attacker *a, unsigned int node)
{
        for (uint64_t n = a->seen; n && a->seen - n < SIM_CAPTURED_MAX; n--)
                if (a->captured[(n - 1) % SIM_CAPTURED_MAX].node == node)
                        return a->captured[(n - 1) % SIM_CAPTURED_MAX].from;
        return sim_net_endpoint(&a->world->net, node);
}

/* A constant delay: datagrams sent together arrive together, so that a flood is one. */
#define WAY_NS (10 * WG_NS_PER_MS)

static void inject(struct sim_attacker *a, const struct wg_endpoint *from,
                   const struct wg_endpoint *to, const uint8_t *bytes, uint32_t len)
{
        sim_net_inject(a->world, from, to, bytes, len, WAY_NS);
}

/* ---- what the attacker does ---- */

static void add_mac1(struct sim_attacker *a, unsigned int node, uint8_t *message, uint32_t len)
{
        uint8_t key[WG_HASH_LEN];

        wg_hash(key, "mac1----", 8, a->world->nodes[node]->public_key, WG_KEY_LEN);
        wg_mac(message + len - 2 * WG_MAC_LEN, key, sizeof(key), message, len - 2 * WG_MAC_LEN);
        memset(message + len - WG_MAC_LEN, 0, WG_MAC_LEN);
}

static void send_rubbish(struct sim_attacker *a)
{
        static const uint32_t lens[] = {0, 1, 3, 4, 31, 32, 33, 64, 92, 148, 149, 500};
        uint8_t bytes[512];
        uint32_t len = lens[sim_random_below(&a->random, WG_ARRAY_SIZE(lens))];
        struct wg_endpoint from = any_place(a), to = place_of(a, any_node(a));

        sim_random_fill(&a->random, bytes, sizeof(bytes));
        if (sim_random_chance(&a->random, 800))
                wg_le32_store(bytes, (uint32_t)sim_random_between(&a->random, 0, 5));
        inject(a, &from, &to, bytes, len);
}

/* Repeats a captured datagram, from its source or from elsewhere. */
static void send_again(struct sim_attacker *a)
{
        struct sim_captured *c = any_captured(a);
        struct wg_endpoint from = any_place(a);

        if (!c)
                return;
        if (sim_random_chance(&a->random, 500))
                from = c->from;
        inject(a, &from, &c->to, c->bytes, c->len);
}

static void send_changed(struct sim_attacker *a)
{
        struct sim_captured *c = any_captured(a);
        struct wg_endpoint from = any_place(a);
        uint8_t bytes[sizeof(c->bytes)];
        uint32_t len;

        if (!c)
                return;
        len = c->len;
        memcpy(bytes, c->bytes, len);
        if (sim_random_chance(&a->random, 700))
                bytes[sim_random_below(&a->random, len)] ^=
                        (uint8_t)(1 << sim_random_below(&a->random, 8));
        else
                len = (uint32_t)sim_random_below(&a->random, len);
        inject(a, &from, &c->to, bytes, len);
}

static void send_initiation(struct sim_attacker *a, unsigned int node)
{
        uint8_t message[WG_INITIATION_LEN];
        struct wg_endpoint from = any_place(a), to = place_of(a, node);

        sim_random_fill(&a->random, message, sizeof(message));
        wg_le32_store(message, WG_MESSAGE_INITIATION);
        if (sim_random_chance(&a->random, 100))
                memset(message + WG_INITIATION_EPHEMERAL, 0, WG_KEY_LEN);
        add_mac1(a, node, message, sizeof(message));
        if (sim_random_chance(&a->random, 50))
                from = place_of(a, any_node(a));
        inject(a, &from, &to, message, sizeof(message));
}

void sim_attacker_flood(struct sim_attacker *a, unsigned int node, unsigned int n)
{
        while (n--)
                send_initiation(a, node);
}

/* Sends initiations from one address that are as valid as possible without a private key. */
static void send_proven(struct sim_attacker *a, unsigned int node, unsigned int n)
{
        struct wg_endpoint to = place_of(a, node);
        uint8_t message[WG_INITIATION_LEN];

        while (n--) {
                sim_random_fill(&a->random, message, sizeof(message));
                wg_le32_store(message, WG_MESSAGE_INITIATION);
                wg_cookie_add_macs(&a->jar, a->world->nodes[node]->public_key, own_clock(a),
                                   message, sizeof(message));
                inject(a, &a->home, &to, message, sizeof(message));
        }
}

/* Sends one flood of a siege, and schedules the next before the load has subsided. */
static void besiege(void *object, uint64_t word)
{
        struct sim_attacker *a = object;

        (void)word;
        if (!a->floods || !a->is_active)
                return;
        a->floods--;
        sim_attacker_flood(a, a->besieged, WG_LOAD_QUEUED + 20);
        send_proven(a, a->besieged, 10);
        sim_events_add(&a->world->events, a->world->now_ns + WG_LOAD_STICKY * 9 / 10, besiege, a,
                       0);
}

static void begin_siege(struct sim_attacker *a)
{
        if (a->floods)
                return;
        a->besieged = any_node(a);
        a->floods = (unsigned int)sim_random_between(&a->random, 10, 30);
        a->home = any_place(a);
        memset(&a->jar, 0, sizeof(a->jar));
        sim_trace(a->world, SIM_STRANGER, "the attacker besieges node %u", a->besieged);
        besiege(a, 0);
}

static void flood_or_besiege(struct sim_attacker *a)
{
        unsigned int n = (unsigned int)sim_random_between(&a->random, 20, 800);

        if (sim_random_below(&a->random, 20))
                sim_attacker_flood(a, any_node(a), n);
        else
                begin_siege(a);
}

/* Sends a response with a low-order key to an initiation in progress. */
static void send_response(struct sim_attacker *a)
{
        struct sim_captured *c = captured_type(a, WG_MESSAGE_INITIATION);
        uint8_t message[WG_RESPONSE_LEN];
        struct wg_endpoint from = any_place(a);

        if (!c)
                return;
        sim_random_fill(&a->random, message, sizeof(message));
        wg_le32_store(message, WG_MESSAGE_RESPONSE);
        memcpy(message + WG_RESPONSE_RECEIVER, c->bytes + WG_INITIATION_SENDER, 4);
        memset(message + WG_RESPONSE_EPHEMERAL, 0, WG_KEY_LEN);
        message[WG_RESPONSE_EPHEMERAL] = (uint8_t)sim_random_below(&a->random, 2);
        add_mac1(a, c->node, message, sizeof(message));
        inject(a, &from, &c->from, message, sizeof(message));
}

static void send_cookie(struct sim_attacker *a)
{
        struct sim_captured *c = captured_type(a, WG_MESSAGE_INITIATION);
        uint8_t message[WG_COOKIE_LEN];
        struct wg_endpoint from = any_place(a);

        if (!c)
                return;
        sim_random_fill(&a->random, message, sizeof(message));
        wg_le32_store(message, WG_MESSAGE_COOKIE);
        memcpy(message + WG_COOKIE_RECEIVER, c->bytes + WG_INITIATION_SENDER, 4);
        inject(a, &from, &c->from, message, sizeof(message));
}

/* Sends data under an index that is in use. */
static void send_data(struct sim_attacker *a)
{
        struct sim_captured *c = captured_type(a, WG_MESSAGE_DATA);
        uint8_t message[WG_DATA_OVERHEAD + 64];
        struct wg_endpoint from = any_place(a);

        if (!c)
                return;
        sim_random_fill(&a->random, message, sizeof(message));
        memcpy(message, c->bytes,
               sim_random_chance(&a->random, 500) ? WG_DATA_COUNTER : WG_DATA_TEXT);
        inject(a, &from, &c->to, message, sizeof(message));
}

static void attack(void *object, uint64_t word)
{
        struct sim_attacker *a = object;

        (void)word;
        sim_events_add(&a->world->events,
                       a->world->now_ns + sim_random_between(&a->random, 1, 2 * a->pause_ns),
                       attack, a, 0);
        if (!a->is_active)
                return;
        switch (sim_random_below(&a->random, 16)) {
        case 0:
        case 1:
                send_rubbish(a);
                break;
        case 2:
                send_initiation(a, any_node(a));
                break;
        case 3:
                send_response(a);
                break;
        case 4:
                send_cookie(a);
                break;
        case 5:
                send_data(a);
                break;
        case 6:
                flood_or_besiege(a);
                break;
        case 7:
        case 8:
        case 9:
                send_changed(a);
                break;
        default:
                send_again(a);
                break;
        }
}

void sim_attacker_init(struct sim_attacker *a, struct sim_world *world, uint64_t pause_ns)
{
        a->world = world;
        a->pause_ns = pause_ns;
        a->is_active = true;
        a->seen = 0;
        a->floods = 0;
        sim_random_init(&a->random, world->seed, 'a');
        if (!pause_ns)
                return;
        world->tap = tap;
        world->tap_context = a;
        sim_events_add(&world->events, pause_ns, attack, a, 0);
}
