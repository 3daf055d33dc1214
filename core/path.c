/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/path.h"

#include "base/bytes.h"

/* Words 1 and 2 hold the remote address, words 3 and 4 the source, of either family. */
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

static void read_words(const struct wg_path *path, uint64_t words[WG_PATH_WORDS])
{
        uint32_t version, after;

        do {
                const _Atomic uint64_t *copy;

                version = atomic_load_explicit(&path->version, memory_order_acquire);
                copy = path->copies[version & 1];
                /* Acquire keeps the second load of the version after each of these. */
                for (unsigned int i = 0; i < WG_PATH_WORDS; i++)
                        words[i] = atomic_load_explicit(&copy[i], memory_order_acquire);
                after = atomic_load_explicit(&path->version, memory_order_relaxed);
        } while (version != after);
}

/* The caller holds the lock. */
static void write_words(struct wg_path *path, const uint64_t words[WG_PATH_WORDS])
{
        uint32_t version = atomic_load_explicit(&path->version, memory_order_relaxed) + 1;
        _Atomic uint64_t *copy = path->copies[version & 1];

        /* Release keeps the previous change of the version before each of these stores. A reader
         * that is still in this copy, because it was current then, sees that change and retries. */
        for (unsigned int i = 0; i < WG_PATH_WORDS; i++)
                atomic_store_explicit(&copy[i], words[i], memory_order_release);
        atomic_store_explicit(&path->version, version, memory_order_release);
}

void wg_path_read(const struct wg_path *path, struct wg_endpoint *endpoint)
{
        uint64_t words[WG_PATH_WORDS];

        read_words(path, words);
        unpack(endpoint, words);
}

void wg_path_write(struct wg_path *path, const struct wg_env *env,
                   const struct wg_endpoint *endpoint)
{
        uint64_t now[WG_PATH_WORDS], wanted[WG_PATH_WORDS];

        pack(wanted, endpoint);
        read_words(path, now);
        if (memcmp(now, wanted, sizeof(now)) == 0)
                return;
        env->lock(env->ctx, &path->lock);
        write_words(path, wanted);
        env->unlock(env->ctx, &path->lock);
}

/* Clears the source. Returns false if there is none, or if it differs from that of `seen`. */
static bool remove_pin(struct wg_endpoint *e, const struct wg_endpoint *seen)
{
        if (e->source.family == WG_FAMILY_NONE || (seen && !wg_ip_equal(&e->source, &seen->source)))
                return false;
        memset(&e->source, 0, sizeof(e->source));
        e->source_ifindex = 0;
        return true;
}

void wg_path_unpin(struct wg_path *path, const struct wg_env *env, const struct wg_endpoint *seen)
{
        uint64_t words[WG_PATH_WORDS];
        struct wg_endpoint e;

        /* Lock before reading: the peer may be moving, and must not be moved back. */
        env->lock(env->ctx, &path->lock);
        wg_path_read(path, &e);
        if (remove_pin(&e, seen)) {
                pack(words, &e);
                write_words(path, words);
        }
        env->unlock(env->ctx, &path->lock);
}
