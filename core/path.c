/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/path.h"

#include "base/bytes.h"

/* IPv4 and IPv6 addresses lie in words 1, 2 (remote) and 3, 4 (source). */
static void pack(uint64_t words[WG_PATH_WORDS], const struct wg_endpoint *e)
{
        words[0] = (uint64_t)e->port << 16 | (uint64_t)e->source.family << 8 | e->ip.family;
        words[1] = wg_le64_load(e->ip.bytes);
        words[2] = wg_le64_load(e->ip.bytes + 8);
        words[3] = wg_le64_load(e->source.bytes);
        words[4] = wg_le64_load(e->source.bytes + 8);
        words[5] = (uint64_t)e->scope << 32 | e->source_ifindex;
}

static void unpack(struct wg_endpoint *e, const uint64_t words[WG_PATH_WORDS])
{
        e->ip.family = (uint8_t)words[0];
        e->source.family = (uint8_t)(words[0] >> 8);
        e->port = (uint16_t)(words[0] >> 16);
        wg_le64_store(e->ip.bytes, words[1]);
        wg_le64_store(e->ip.bytes + 8, words[2]);
        wg_le64_store(e->source.bytes, words[3]);
        wg_le64_store(e->source.bytes + 8, words[4]);
        e->scope = (uint32_t)(words[5] >> 32);
        e->source_ifindex = (uint32_t)words[5];
}

/* A state says which copy is current and which are being written, and holds a version that rises
 * whenever another copy becomes current. */
#define CURRENT UINT64_C(3)
#define BUSY(copy) (UINT64_C(4) << (copy))
#define VERSION (UINT64_C(4) << WG_PATH_COPIES)

_Static_assert(WG_PATH_COPIES <= CURRENT + 1, "any copy can be current");

static uint64_t version_of(uint64_t state)
{
        return state / VERSION;
}

/* Returns the state in which these words were current. */
static uint64_t read_words(struct wg_path *path, uint64_t words[WG_PATH_WORDS])
{
        uint64_t state, after;

        do {
                _Atomic uint64_t *copy;

                state = atomic_load_explicit(&path->state, memory_order_acquire);
                copy = path->copies[state & CURRENT];
                /* Acquire keeps the second look at the state behind each of these. */
                for (unsigned int i = 0; i < WG_PATH_WORDS; i++)
                        words[i] = atomic_load_explicit(&copy[i], memory_order_acquire);
                after = atomic_load_explicit(&path->state, memory_order_relaxed);
        } while (version_of(state) != version_of(after));
        return state;
}

/* Claims a copy that is neither current nor being written. There is one unless two other writers of
 * this path were preempted while writing; only then does this wait for them. */
static unsigned int claim_copy(struct wg_path *path)
{
        for (unsigned int copy = 0;; copy = (copy + 1) % WG_PATH_COPIES) {
                uint64_t state = atomic_load_explicit(&path->state, memory_order_relaxed);

                if (copy != (state & CURRENT) && !(state & BUSY(copy)) &&
                    atomic_compare_exchange_weak_explicit(&path->state, &state, state | BUSY(copy),
                                                          memory_order_acquire,
                                                          memory_order_relaxed))
                        return copy;
        }
}

static void give_back_copy(struct wg_path *path, unsigned int copy)
{
        atomic_fetch_and_explicit(&path->state, ~BUSY(copy), memory_order_relaxed);
}

/* Writes to a copy that was claimed. */
static void write_words(struct wg_path *path, unsigned int copy,
                        const uint64_t words[WG_PATH_WORDS])
{
        /* Release keeps the claim, and with it the newer version, ahead of each of these. */
        for (unsigned int i = 0; i < WG_PATH_WORDS; i++)
                atomic_store_explicit(&path->copies[copy][i], words[i], memory_order_release);
}

/* Makes the copy current if `seen` is NULL or still the current version. Returns whether it did. */
static bool publish_copy(struct wg_path *path, unsigned int copy, const uint64_t *seen)
{
        uint64_t state = atomic_load_explicit(&path->state, memory_order_relaxed), next;

        do {
                if (seen && version_of(*seen) != version_of(state))
                        return false;
                next = ((state & ~(CURRENT | BUSY(copy))) | copy) + VERSION;
        } while (!atomic_compare_exchange_weak_explicit(
                &path->state, &state, next, memory_order_release, memory_order_relaxed));
        return true;
}

void wg_path_read(struct wg_path *path, struct wg_endpoint *endpoint)
{
        uint64_t words[WG_PATH_WORDS];

        read_words(path, words);
        unpack(endpoint, words);
}

void wg_path_write(struct wg_path *path, const struct wg_endpoint *endpoint)
{
        uint64_t now[WG_PATH_WORDS], wanted[WG_PATH_WORDS];
        unsigned int copy;

        pack(wanted, endpoint);
        read_words(path, now);
        if (memcmp(now, wanted, sizeof(now)) == 0)
                return;
        copy = claim_copy(path);
        write_words(path, copy, wanted);
        (void)publish_copy(path, copy, NULL);
}

/* Returns false if the path changed meanwhile. */
static bool try_unpin(struct wg_path *path, const struct wg_endpoint *seen)
{
        uint64_t words[WG_PATH_WORDS], state = read_words(path, words);
        struct wg_endpoint e;
        unsigned int copy;

        unpack(&e, words);
        if (e.source.family == WG_FAMILY_NONE || (seen && !wg_ip_equal(&e.source, &seen->source)))
                return true;
        memset(&e.source, 0, sizeof(e.source));
        e.source_ifindex = 0;
        pack(words, &e);
        copy = claim_copy(path);
        write_words(path, copy, words);
        if (publish_copy(path, copy, &state))
                return true;
        give_back_copy(path, copy);
        return false;
}

void wg_path_unpin(struct wg_path *path, const struct wg_endpoint *seen)
{
        /* Replace only what was read: the peer may have moved since, and must not be moved back. */
        while (!try_unpin(path, seen))
                ;
}
