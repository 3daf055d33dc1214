/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Turns of the engine and of the workers, and the packets that pass between them. Configuration is
 * in admin.c. */
#include "sim/node.h"

#include <stdlib.h>

#include "core/configure.h"
#include "core/hswork.h"
#include "core/work.h"
#include "sim/check.h"
#include "sim/turn.h"
#include "sim/world.h"

struct wg_now sim_node_now(const struct sim_node *node)
{
        return (struct wg_now){
                .ns = node->world->now_ns + node->boot_ns,
                .real_ns = node->world->now_ns + node->real_ns,
        };
}

struct sim_peer *sim_node_peer(struct sim_node *node, const struct wg_peer *handle)
{
        for (unsigned int i = 0; i < SIM_NODES_MAX; i++)
                if (handle && node->peers[i].handle == handle)
                        return &node->peers[i];
        return NULL;
}

static bool is_awake(const struct sim_node *node)
{
        return node->is_running && !node->is_asleep;
}

static uint64_t draw_delay(struct sim_node *node, uint64_t most_ns)
{
        return most_ns ? sim_random_below(&node->random, most_ns) : 0;
}

/* ---- the core's environment ---- */

static void env_random(void *ctx, void *out, size_t len)
{
        struct sim_node *node = ctx;

        SIM_CHECK(node->world, node->in_engine, "node %u: randomness on the packet path", node->id);
        sim_random_fill(&node->random, out, len);
}

static void *env_alloc(void *ctx, size_t len)
{
        struct sim_node *node = ctx;

        SIM_CHECK(node->world, node->in_engine, "node %u: allocation on the packet path", node->id);
        return sim_memory_alloc(&node->memory, len);
}

/* Rings of received messages and the like are too long to search each time, and hold no keys. */
#define SEARCHED_MAX 65536

static void env_free(void *ctx, void *memory, size_t len)
{
        struct sim_node *node = ctx;

        if (!memory)
                return;
        SIM_CHECK(node->world, node->in_engine, "node %u: free on the packet path", node->id);
        SIM_CHECK(node->world,
                  len > SEARCHED_MAX ||
                          !sim_secrets_occur(&node->world->ledger.secrets, memory, len),
                  "node %u: a secret is left in %zu bytes of freed memory", node->id, len);
        SIM_CHECK(node->world, len > SEARCHED_MAX || !sim_inner_occurs(memory, len),
                  "node %u: an inner packet is left in %zu bytes of freed memory", node->id, len);
        sim_memory_free(&node->memory, memory, len);
}

static void append_retired(struct sim_node *node, struct wg_retired *retired)
{
        struct wg_retired **link = &node->retired;

        while (*link)
                link = &(*link)->next;
        retired->next = NULL;
        *link = retired;
}

static void env_retire(void *ctx, struct wg_retired *retired)
{
        struct sim_node *node = ctx;

        SIM_CHECK(node->world, node->in_engine, "node %u: retire on the packet path", node->id);
        if (node->habits.retires_at_once && !node->batches) {
                retired->release(retired);
                return;
        }
        retired->epoch = node->world->now_ns + draw_delay(node, node->habits.retire_delay_ns);
        append_retired(node, retired);
}

static void env_lock(void *ctx, _Atomic uint32_t *word)
{
        struct sim_node *node = ctx;

        SIM_CHECK(node->world, *word == 0, "node %u: locked twice", node->id);
        *word = 1;
}

static void env_unlock(void *ctx, _Atomic uint32_t *word)
{
        struct sim_node *node = ctx;

        SIM_CHECK(node->world, *word == 1, "node %u: unlocked twice", node->id);
        *word = 0;
        sim_node_interleave(node);
}

/* ---- turns of the engine ---- */

static void engine_event(void *object, uint64_t at_ns);

static void schedule_engine(struct sim_node *node, uint64_t at_ns)
{
        at_ns = WG_MAX(at_ns, node->engine_free_ns);
        if (at_ns >= node->engine_at_ns)
                return;
        node->engine_at_ns = at_ns;
        sim_events_add(&node->world->events, at_ns, engine_event, node, at_ns);
}

/* Schedules the engine for its next deadline, or a little later, and for the next release. */
static void schedule_deadline(struct sim_node *node)
{
        uint64_t due = wg_engine_deadline(&node->engine), now_ns = node->world->now_ns;

        if (due != UINT64_MAX)
                schedule_engine(node, WG_MAX(due, node->boot_ns + now_ns) - node->boot_ns +
                                              draw_delay(node, node->habits.engine_delay_ns));
        for (struct wg_retired *r = node->retired; r && !node->batches; r = r->next)
                schedule_engine(node, WG_MAX(r->epoch, now_ns));
}

static void release_retired(struct sim_node *node, bool is_all)
{
        struct wg_retired *all = node->retired, *r;

        node->retired = NULL;
        while ((r = all)) {
                all = r->next;
                if (is_all || r->epoch <= node->world->now_ns)
                        r->release(r);
                else
                        append_retired(node, r);
        }
}

void sim_turn_begin(struct sim_node *node, struct sim_turn *turn)
{
        WG_ASSERT(!node->in_engine && node->is_running);
        turn->outer = sim_acting;
        sim_acting = node;
        node->in_engine = true;
}

void sim_turn_end(struct sim_node *node, struct sim_turn *turn)
{
        if (!node->batches)
                release_retired(node, false);
        sim_check_engine(node);
        node->in_engine = false;
        sim_acting = turn->outer;
        if (!node->is_asleep)
                schedule_deadline(node);
}

/* Passes the engine the handshake messages and packets without a session that workers left for
 * it. */
static void read_mail(struct sim_node *node)
{
        struct wg_now now = sim_node_now(node);
        struct sim_packet *packet;

        while ((packet = sim_queue_take(&node->mail_in))) {
                enum wg_verdict verdict = wg_engine_offer(&node->engine, packet->bytes, packet->len,
                                                          &packet->from, now.ns);

                if (verdict == WG_VERDICT_HANDSHAKE)
                        sim_check_offered(node, packet);
                else
                        free(packet);
        }
        while ((packet = sim_queue_take(&node->mail_out))) {
                uint64_t refused = node->memory.refused;
                const uint8_t *inner = packet->bytes + WG_SEND_HEADROOM;
                enum wg_verdict verdict = wg_engine_stage(&node->engine, packet->peer, inner,
                                                          packet->len, now.ns);

                sim_check_staged(node, inner, packet->len, verdict,
                                 node->memory.refused != refused);
                free(packet);
        }
}

static void note_event(struct sim_node *node, const struct wg_action *action)
{
        struct sim_peer *peer = sim_node_peer(node, action->peer);

        if (peer)
                sim_trace(node->world, node->id, "peer %u: %s%s%s",
                          (unsigned int)(peer - node->peers), wg_event_text(action->event),
                          action->verdict ? ": " : "",
                          action->verdict ? wg_verdict_text(action->verdict) : "");
        else
                sim_trace(node->world, node->id, "%s: %s", wg_event_text(action->event),
                          wg_verdict_text(action->verdict));
        sim_check_event(node, action);
}

/* A real socket would refuse a source address that is no longer ours. */
static struct wg_endpoint usable(struct sim_node *node, struct wg_peer *peer,
                                 const struct wg_endpoint *to)
{
        struct wg_endpoint e = *to;

        if (e.source.family == WG_FAMILY_NONE ||
            wg_ip_equal(&e.source, &node->world->net.hosts[node->id].ip))
                return e;
        wg_path_unpin(&peer->path, node->engine.env, to);
        memset(&e.source, 0, sizeof(e.source));
        return e;
}

/* Sends a datagram; `handle` is NULL for cookie replies. */
static void emit(struct sim_node *node, struct wg_peer *handle, const struct wg_endpoint *to,
                 const uint8_t *bytes, uint32_t len, uint8_t tos)
{
        struct wg_endpoint usable_to = handle ? usable(node, handle, to) : *to;

        sim_check_emission(node, handle, &usable_to, bytes, len, tos);
        if (handle)
                wg_worker_count_sent(&node->engine.worker, handle, len);
        sim_net_send(node->world, node->id, &usable_to, bytes, len, tos);
}

static void perform(struct sim_node *node)
{
        struct wg_actions *actions = &node->actions;

        /* Events explain the datagrams sent, so they come first. */
        for (size_t i = 0; i < actions->count; i++)
                if (actions->items[i].kind == WG_ACTION_EVENT)
                        note_event(node, &actions->items[i]);
        for (size_t i = 0; i < actions->count; i++) {
                const struct wg_action *a = &actions->items[i];

                switch (a->kind) {
                case WG_ACTION_SEND:
                        emit(node, a->peer, &a->to, a->bytes, a->len, a->tos);
                        break;
                case WG_ACTION_SEND_STAGED:
                        sim_check_staged_sent(node, a->peer, a->staged);
                        for (struct wg_staged *s = a->staged; s; s = s->next)
                                emit(node, a->peer, &a->to, s->buf, s->len, s->tos);
                        break;
                case WG_ACTION_EVENT:
                        break;
                }
        }
        wg_actions_clear(&node->engine, actions);
}

static void run_engine(struct sim_node *node)
{
        struct sim_turn turn;
        bool has_more;

        sim_turn_begin(node, &turn);
        do {
                read_mail(node);
                sim_check_call(node);
                has_more = wg_engine_work(&node->engine, sim_node_now(node), &node->actions);
                perform(node);
        } while (has_more && !node->habits.engine_cost_ns);
        if (has_more)
                node->engine_free_ns = node->world->now_ns + node->habits.engine_cost_ns;
        sim_turn_end(node, &turn);
}

static void engine_event(void *object, uint64_t at_ns)
{
        struct sim_node *node = object;

        if (at_ns != node->engine_at_ns)
                return;
        node->engine_at_ns = UINT64_MAX;
        if (node->world->now_ns < node->engine_free_ns)
                schedule_engine(node, node->engine_free_ns);
        else if (is_awake(node))
                run_engine(node);
}

void sim_turn_wake_engine(struct sim_node *node)
{
        schedule_engine(node, node->world->now_ns + draw_delay(node, node->habits.engine_delay_ns));
}

/* ---- turns of the workers ---- */

struct batch {
        struct sim_node *outer;
        unsigned int worker;
};

static void begin_batch(struct sim_node *node, struct batch *batch)
{
        batch->outer = sim_acting;
        sim_acting = node;
        node->is_busy[batch->worker] = true;
        node->batches++;
}

static void end_batch(struct sim_node *node, struct batch *batch)
{
        struct wg_worker *worker = &node->workers[batch->worker];

        node->is_busy[batch->worker] = false;
        node->batches--;
        if (!node->batches) {
                node->batch++;
                node->former_count = 0;
        }
        sim_acting = batch->outer;
        if (worker->wants_engine || node->mail_in.count || node->mail_out.count ||
            (node->retired && !node->batches))
                sim_turn_wake_engine(node);
        worker->wants_engine = false;
}

static size_t take_batch(struct sim_node *node, struct sim_queue *queue,
                         struct sim_packet *packets[WG_BATCH_MAX])
{
        uint32_t most = WG_MIN(WG_MAX(node->habits.batch_max, 1u), (uint32_t)WG_BATCH_MAX);
        size_t n = 0, wanted = (size_t)sim_random_between(&node->random, 1, most);

        while (n < wanted && (packets[n] = sim_queue_take(queue)))
                n++;
        return n;
}

/* Forwards, or keeps, a packet that left the tunnel. */
static void accept_inner(struct sim_node *node, unsigned int from,
                         const struct wg_receive_slot *slot)
{
        const struct sim_record *record = sim_check_delivered(node, from, slot->inner,
                                                              slot->inner_len, slot->tos);
        unsigned int next;

        if (!record)
                return;
        next = node->habits.is_router ? sim_node_route(node, &record->inner.destination)
                                      : SIM_STRANGER;
        if (next != SIM_STRANGER && next != from) {
                sim_node_put(node, slot->inner, slot->inner_len);
                return;
        }
        node->world->figures.delivered++;
        if (node->world->delivered)
                node->world->delivered(node->world->context, node->id, record);
}

static bool is_authentic(enum wg_verdict verdict)
{
        return verdict == WG_VERDICT_DATA || verdict == WG_VERDICT_KEEPALIVE ||
               verdict == WG_VERDICT_INNER_MALFORMED || verdict == WG_VERDICT_SOURCE_REFUSED;
}

/* Handles a slot as the daemon does. Consumes the datagram. */
static void receive_one(struct sim_node *node, struct wg_receive_slot *slot,
                        struct sim_packet *datagram, bool is_unchanged)
{
        struct sim_peer *peer = sim_node_peer(node, slot->peer);

        sim_trace(node->world, node->id, "received %u bytes: %s", datagram->len,
                  wg_verdict_name(slot->verdict));
        if (slot->verdict == WG_VERDICT_HANDSHAKE) {
                sim_queue_put(&node->mail_in, datagram);
                return;
        }
        if (is_authentic(slot->verdict)) {
                sim_check_authentic(node, peer, datagram, slot);
                if (is_unchanged)
                        sim_check_inner(node, peer, slot);
        }
        if (slot->verdict == WG_VERDICT_REPLAYED)
                sim_check_replayed(node, datagram, slot);
        if (slot->verdict == WG_VERDICT_DATA && peer)
                accept_inner(node, (unsigned int)(peer - node->peers), slot);
        free(datagram);
}

static void receive_batch(struct sim_node *node, unsigned int worker)
{
        struct sim_packet *packets[WG_BATCH_MAX];
        struct wg_receive_slot slots[WG_BATCH_MAX];
        struct batch batch = {.worker = worker};
        uint64_t changes = node->changes;
        size_t n = take_batch(node, &node->inbox, packets);

        begin_batch(node, &batch);
        for (size_t i = 0; i < n; i++) {
                slots[i] = (struct wg_receive_slot){
                        .buf = packets[i]->bytes,
                        .len = packets[i]->len,
                        .tos = packets[i]->tos,
                        .from = packets[i]->from,
                };
                sim_check_arrived(node, packets[i]);
        }
        wg_receive(&node->workers[worker], slots, n, sim_node_now(node).ns);
        for (size_t i = 0; i < n; i++)
                receive_one(node, &slots[i], packets[i], changes == node->changes);
        end_batch(node, &batch);
}

/* The state of an outbound packet before wg_send() saw it. */
struct outbound {
        unsigned int peer;
        struct wg_peer *handle;
        uint64_t serial;
        uint32_t len;
        uint8_t tos;
};

static struct outbound look_at(struct sim_node *node, unsigned int worker,
                               const struct sim_packet *packet)
{
        const uint8_t *inner = packet->bytes + WG_SEND_HEADROOM;
        struct outbound o = {.peer = SIM_STRANGER, .len = packet->len};
        struct wg_ip destination;

        if (!sim_inner_read(inner, packet->len, &o.serial))
                o.serial = 0;
        if (!sim_inner_destination(inner, packet->len, &destination))
                return o;
        o.tos = sim_inner_tos(inner);
        o.peer = sim_node_route(node, &destination);
        if (o.peer != SIM_STRANGER)
                o.handle = node->peers[o.peer].handle;
        sim_check_taken(node, worker, o.peer, o.serial);
        return o;
}

/* Handles a slot as the daemon does. Consumes the packet. */
static void send_one(struct sim_node *node, struct wg_send_slot *slot, struct sim_packet *packet,
                     const struct outbound *o, bool is_unchanged)
{
        struct sim_world *world = node->world;

        SIM_CHECK(world, slot->peer == o->handle, "node %u: packet %llu goes to the wrong peer",
                  node->id, (unsigned long long)o->serial);
        sim_trace(world, node->id, "sends packet %llu of %u bytes to %u: %s",
                  (unsigned long long)o->serial, o->len, o->peer, wg_verdict_name(slot->verdict));
        if (slot->verdict == WG_VERDICT_SEALED) {
                if (is_unchanged)
                        sim_check_sealed(node, slot, o->len, o->tos);
                sim_check_travels(node, o->peer, o->serial);
                emit(node, slot->peer, &slot->to, slot->buf, slot->len, slot->tos);
        }
        if (slot->verdict == WG_VERDICT_NO_SESSION) {
                packet->peer = slot->peer;
                sim_queue_put(&node->mail_out, packet);
                return;
        }
        free(packet);
}

static void send_batch(struct sim_node *node, unsigned int worker)
{
        struct sim_packet *packets[WG_BATCH_MAX];
        struct wg_send_slot slots[WG_BATCH_MAX];
        struct outbound seen[WG_BATCH_MAX];
        struct batch batch = {.worker = worker};
        uint64_t changes = node->changes;
        size_t n = take_batch(node, &node->outbox, packets);

        begin_batch(node, &batch);
        for (size_t i = 0; i < n; i++) {
                seen[i] = look_at(node, worker, packets[i]);
                if (seen[i].handle)
                        sim_check_reason(node, &node->peers[seen[i].peer]);
                slots[i] = (struct wg_send_slot){.buf = packets[i]->bytes, .len = packets[i]->len};
        }
        wg_send(&node->workers[worker], slots, n, sim_node_now(node).ns);
        for (size_t i = 0; i < n; i++)
                send_one(node, &slots[i], packets[i], &seen[i], changes == node->changes);
        end_batch(node, &batch);
}

static void worker_event(void *object, uint64_t at_ns)
{
        struct sim_node *node = object;

        if (at_ns != node->worker_at_ns)
                return;
        node->worker_at_ns = UINT64_MAX;
        while (is_awake(node) && (node->inbox.count || node->outbox.count)) {
                unsigned int worker = (unsigned int)sim_random_below(&node->random, SIM_WORKERS);

                if (node->inbox.count)
                        receive_batch(node, worker);
                if (node->outbox.count)
                        send_batch(node, worker);
        }
}

static void wake_worker(struct sim_node *node)
{
        if (node->worker_at_ns != UINT64_MAX)
                return;
        node->worker_at_ns = node->world->now_ns + draw_delay(node, node->habits.worker_delay_ns);
        sim_events_add(&node->world->events, node->worker_at_ns, worker_event, node,
                       node->worker_at_ns);
}

void sim_node_interleave(struct sim_node *node)
{
        struct sim_world *world = node->world;
        unsigned int worker;

        if (!sim_random_chance(&node->random, node->habits.interleaving))
                return;
        worker = (unsigned int)sim_random_below(&node->random, SIM_WORKERS);
        world->figures.interleaved++;
        switch (sim_random_below(&node->random, 4)) {
        case 0:
                if (!node->in_engine)
                        run_engine(node);
                break;
        case 1:
                if (!node->is_busy[worker] && node->inbox.count)
                        receive_batch(node, worker);
                break;
        case 2:
                if (!node->is_busy[worker] && node->outbox.count)
                        send_batch(node, worker);
                break;
        default:
                if (!node->in_engine && world->meddle)
                        world->meddle(world->context, node->id);
                break;
        }
}

/* ---- packets ---- */

void sim_node_arrive(struct sim_node *node, struct sim_packet *datagram)
{
        if (!is_awake(node) || !node->is_up) {
                free(datagram);
                return;
        }
        datagram->hash = sim_ledger_hash(datagram->bytes, datagram->len);
        sim_queue_put(&node->inbox, datagram);
        wake_worker(node);
}

void sim_node_put(struct sim_node *node, const uint8_t *packet, uint32_t len)
{
        node->world->figures.packets++;
        if (!is_awake(node) || !node->is_up)
                return;
        sim_queue_put(&node->outbox,
                      sim_packet_new(packet, len, WG_SEND_HEADROOM, WG_SEND_TAILROOM));
        wake_worker(node);
}

void sim_node_put_to(struct sim_node *node, unsigned int peer, const uint8_t *packet, uint32_t len)
{
        struct wg_peer *handle = node->peers[peer].handle;
        uint64_t now_ns = sim_node_now(node).ns;
        struct batch batch = {.worker = 0};
        struct wg_send_slot slot = {.len = len};
        struct sim_packet *sealed;

        if (!is_awake(node) || node->is_busy[0] || !handle || !wg_send_is_ready(handle, now_ns))
                return;
        sealed = sim_packet_new(packet, len, WG_SEND_HEADROOM, WG_SEND_TAILROOM);
        slot.buf = sealed->bytes;
        sim_check_reason(node, &node->peers[peer]);
        begin_batch(node, &batch);
        wg_send_to(&node->workers[0], handle, &slot, 1, now_ns);
        if (slot.verdict == WG_VERDICT_SEALED)
                emit(node, handle, &slot.to, slot.buf, slot.len, slot.tos);
        end_batch(node, &batch);
        free(sealed);
}

void sim_node_skip(struct sim_node *node, unsigned int peer, uint64_t n)
{
        struct wg_peer *handle = node->peers[peer].handle;
        struct wg_keypair *kp = handle ? handle->current_known : NULL;

        if (kp && kp->send_counter < WG_REJECT_AFTER_MESSAGES - n)
                atomic_fetch_add(&kp->send_counter, n);
}

/* ---- life ---- */

static struct wg_env make_env(struct sim_node *node)
{
        return (struct wg_env){
                .ctx = node,
                .random = env_random,
                .alloc = env_alloc,
                .free = env_free,
                .retire = env_retire,
                .lock = env_lock,
                .unlock = env_unlock,
        };
}

struct sim_node *sim_node_new(struct sim_world *world, unsigned int id,
                              const struct sim_habits *habits)
{
        struct sim_node *node = sim_new(sizeof(*node));

        node->world = world;
        node->id = id;
        node->habits = *habits;
        sim_random_init(&node->random, world->seed, id);
        node->memory.random = &node->random;
        node->boot_ns = sim_random_between(&node->random, 1, WG_NS_PER_S * 1000000);
        node->real_ns = 1700000000 * WG_NS_PER_S + sim_random_below(&node->random, WG_NS_PER_S);
        node->mtu = WG_MTU_DEFAULT;
        node->env = make_env(node);
        node->engine_at_ns = node->worker_at_ns = UINT64_MAX;
        return node;
}

void sim_node_free(struct sim_node *node)
{
        sim_node_stop(node);
        free(node);
}

bool sim_turn_start_engine(struct sim_node *node)
{
        bool ok;

        node->in_engine = true;
        sim_acting = node;
        ok = wg_engine_init(&node->engine, &node->env, &sim_aead);
        sim_acting = NULL;
        node->in_engine = false;
        if (!ok)
                return false;
        wg_engine_set_stamped(&node->engine, node->stamped_ns);
        for (unsigned int i = 0; i < SIM_WORKERS; i++)
                wg_worker_init(&node->workers[i], &node->engine, &sim_aead);
        node->is_running = true;
        node->load_ns = UINT64_MAX;
        return true;
}

void sim_node_stop(struct sim_node *node)
{
        if (!node->is_running)
                return;
        WG_ASSERT(!node->batches);
        sim_trace(node->world, node->id, "stops");
        node->in_engine = true;
        wg_actions_clear(&node->engine, &node->actions);
        for (struct sim_packet *p = node->mail_out.first; p; p = p->next)
                wg_engine_stage(&node->engine, p->peer, p->bytes + WG_SEND_HEADROOM, p->len,
                                sim_node_now(node).ns);
        node->stamped_ns = node->engine.stamped_ns;
        wg_engine_done(&node->engine);
        while (node->retired)
                release_retired(node, true);
        node->in_engine = false;
        node->is_running = false;
        sim_queue_purge(&node->inbox);
        sim_queue_purge(&node->outbox);
        sim_queue_purge(&node->mail_in);
        sim_queue_purge(&node->mail_out);
        sim_check_stopped(node);
}

void sim_node_sleep(struct sim_node *node)
{
        sim_trace(node->world, node->id, "falls asleep");
        node->is_asleep = true;
        sim_queue_purge(&node->inbox);
}

void sim_node_wake(struct sim_node *node)
{
        struct sim_turn turn;

        if (!node->is_asleep)
                return;
        sim_trace(node->world, node->id, "wakes");
        node->is_asleep = false;
        if (!node->is_running)
                return;
        sim_check_forgotten(node);
        sim_turn_begin(node, &turn);
        wg_engine_suspended(&node->engine, sim_node_now(node));
        sim_turn_end(node, &turn);
        node->engine_at_ns = UINT64_MAX;
        sim_turn_wake_engine(node);
        if (node->outbox.count)
                wake_worker(node);
}
