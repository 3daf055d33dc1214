/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/timers.h"

#include "base/mem.h"
#include "core/engine.h"

WG_ENUM_DEFINE(wg_timer, WG_TIMERS)
_Static_assert(WG_ENUM_COUNT(wg_timer) == WG_TIMER_COUNT, "WG_TIMER_COUNT is right");

/* Returns the timer with the earliest deadline; WG_TIMER_COUNT if none runs. */
static unsigned int earliest(const struct wg_peer *peer)
{
        unsigned int first = WG_TIMER_COUNT;

        for (unsigned int i = 0; i < WG_TIMER_COUNT; i++)
                if (peer->deadlines[i] &&
                    (first == WG_TIMER_COUNT || peer->deadlines[i] < peer->deadlines[first]))
                        first = i;
        return first;
}

static void reschedule(struct wg_peer *peer)
{
        struct wg_heap *heap = &peer->engine->due;
        unsigned int first = earliest(peer);

        if (first == WG_TIMER_COUNT)
                wg_heap_remove(heap, &peer->due);
        else if (!peer->due.position || peer->due.at_ns != peer->deadlines[first])
                wg_heap_set(heap, &peer->due, peer->deadlines[first]);
}

static uint64_t jitter(const struct wg_peer *peer)
{
        return (wg_env_draw(peer->engine->env) * WG_REKEY_TIMEOUT_JITTER) >> 32;
}

void wg_timers_arm(struct wg_peer *peer, enum wg_timer timer, uint64_t at_ns)
{
        peer->deadlines[timer] = at_ns;
        reschedule(peer);
}

void wg_timers_arm_by(struct wg_peer *peer, enum wg_timer timer, uint64_t at_ns)
{
        if (!peer->deadlines[timer] || peer->deadlines[timer] > at_ns)
                wg_timers_arm(peer, timer, at_ns);
}

void wg_timers_cancel(struct wg_peer *peer, enum wg_timer timer)
{
        peer->deadlines[timer] = 0;
        reschedule(peer);
}

void wg_timers_cancel_all(struct wg_peer *peer)
{
        memset(peer->deadlines, 0, sizeof(peer->deadlines));
        reschedule(peer);
}

bool wg_timers_take_due(struct wg_peer *peer, uint64_t now_ns, enum wg_timer *timer)
{
        unsigned int first = earliest(peer);

        if (first == WG_TIMER_COUNT || peer->deadlines[first] > now_ns)
                return false;
        *timer = (enum wg_timer)first;
        wg_timers_cancel(peer, *timer);
        return true;
}

void wg_timers_initiation_sent(struct wg_peer *peer, uint64_t now_ns)
{
        wg_timers_arm(peer, WG_TIMER_RETRY, now_ns + WG_REKEY_TIMEOUT + jitter(peer));
}

void wg_timers_session_derived(struct wg_peer *peer, uint64_t now_ns)
{
        wg_timers_arm(peer, WG_TIMER_ZERO, now_ns + WG_ZERO_AFTER_TIME);
}

void wg_timers_handshake_complete(struct wg_peer *peer, struct wg_now now)
{
        wg_timers_cancel(peer, WG_TIMER_RETRY);
        peer->retries = 0;
        peer->handshake_real_ns = now.real_ns;
        wg_note_forget(&peer->notes, WG_NOTE_REKEY_LATE);
}

void wg_timers_gave_up(struct wg_peer *peer, uint64_t now_ns)
{
        wg_timers_cancel(peer, WG_TIMER_KEEPALIVE);
        wg_note_done(&peer->notes, WG_NOTE_DATA_RECEIVED);
        if (!peer->deadlines[WG_TIMER_ZERO])
                wg_timers_arm(peer, WG_TIMER_ZERO, now_ns + WG_ZERO_AFTER_TIME);
}

bool wg_timers_look_at_sent(struct wg_peer *peer, uint64_t now_ns)
{
        uint64_t since = wg_note_since(&peer->notes, WG_NOTE_DATA_SENT);

        if (!since)
                return false;
        if (now_ns < since + WG_NEW_HANDSHAKE_TIMEOUT) {
                if (!peer->deadlines[WG_TIMER_NEW_HANDSHAKE])
                        wg_timers_arm(peer, WG_TIMER_NEW_HANDSHAKE,
                                      since + WG_NEW_HANDSHAKE_TIMEOUT + jitter(peer));
                return false;
        }
        wg_note_done(&peer->notes, WG_NOTE_DATA_SENT);
        return true;
}

bool wg_timers_look_at_received(struct wg_peer *peer, uint64_t now_ns, bool *has_more)
{
        uint64_t since = wg_note_since(&peer->notes, WG_NOTE_DATA_RECEIVED);

        if (!since)
                return false;
        if (now_ns < since + WG_KEEPALIVE_TIMEOUT) {
                if (!peer->deadlines[WG_TIMER_KEEPALIVE])
                        wg_timers_arm(peer, WG_TIMER_KEEPALIVE, since + WG_KEEPALIVE_TIMEOUT);
                return false;
        }
        *has_more = atomic_load_explicit(&peer->notes.data_received_ns, memory_order_relaxed) >
                    since;
        wg_note_done(&peer->notes, WG_NOTE_DATA_RECEIVED);
        return true;
}

void wg_timers_expect_keepalive(struct wg_peer *peer, uint64_t now_ns)
{
        wg_note_expect(&peer->notes, WG_NOTE_DATA_RECEIVED, now_ns);
        wg_timers_arm(peer, WG_TIMER_KEEPALIVE, now_ns + WG_KEEPALIVE_TIMEOUT);
}

bool wg_timers_look_at_traversal(struct wg_peer *peer, uint64_t now_ns)
{
        uint64_t last = atomic_load_explicit(&peer->notes.traversal_ns, memory_order_relaxed);
        uint64_t due = last ? last + peer->keepalive_s * WG_NS_PER_S : now_ns;

        if (!peer->keepalive_s)
                return false;
        if (due <= now_ns) {
                wg_timers_arm(peer, WG_TIMER_PERSISTENT, now_ns + peer->keepalive_s * WG_NS_PER_S);
                return true;
        }
        wg_timers_arm(peer, WG_TIMER_PERSISTENT, due);
        return false;
}
