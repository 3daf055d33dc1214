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

static void read_words(struct wg_path *path, uint64_t words[WG_PATH_WORDS])
{
        uint32_t before, after;

        do {
                before = atomic_load_explicit(&path->sequence, memory_order_acquire);
                /* Acquire keeps the second look at the sequence behind each of these. */
                for (unsigned int i = 0; i < WG_PATH_WORDS; i++)
                        words[i] = atomic_load_explicit(&path->words[i], memory_order_acquire);
                after = atomic_load_explicit(&path->sequence, memory_order_relaxed);
        } while ((before & 1) || before != after);
}

static uint32_t lock(struct wg_path *path)
{
        for (;;) {
                uint32_t sequence = atomic_load_explicit(&path->sequence, memory_order_relaxed);

                if (!(sequence & 1) && atomic_compare_exchange_weak_explicit(
                                               &path->sequence, &sequence, sequence + 1,
                                               memory_order_acquire, memory_order_relaxed))
                        return sequence;
        }
}

static void unlock(struct wg_path *path, uint32_t sequence)
{
        atomic_store_explicit(&path->sequence, sequence + 2, memory_order_release);
}

/* Only while it is locked. */
static void write_words(struct wg_path *path, const uint64_t words[WG_PATH_WORDS])
{
        /* Release keeps the odd sequence ahead of each of these. */
        for (unsigned int i = 0; i < WG_PATH_WORDS; i++)
                atomic_store_explicit(&path->words[i], words[i], memory_order_release);
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
        uint32_t sequence;

        pack(wanted, endpoint);
        read_words(path, now);
        if (memcmp(now, wanted, sizeof(now)) == 0)
                return;
        sequence = lock(path);
        write_words(path, wanted);
        unlock(path, sequence);
}

void wg_path_unpin(struct wg_path *path, const struct wg_endpoint *seen)
{
        uint64_t words[WG_PATH_WORDS];
        struct wg_endpoint e;
        uint32_t sequence;

        /* Locked before it is read: the peer may be moving, and must not be put back. */
        sequence = lock(path);
        for (unsigned int i = 0; i < WG_PATH_WORDS; i++)
                words[i] = atomic_load_explicit(&path->words[i], memory_order_relaxed);
        unpack(&e, words);
        if (e.source.family != WG_FAMILY_NONE && (!seen || wg_ip_equal(&e.source, &seen->source))) {
                memset(&e.source, 0, sizeof(e.source));
                e.source_ifindex = 0;
                pack(words, &e);
                write_words(path, words);
        }
        unlock(path, sequence);
}
