/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * A source has a bucket of WG_RATELIMIT_BURST tokens. A handshake takes one, and one comes back
 * every TOKEN_NS. Instead of the tokens we store the moment at which the bucket will be full again:
 *
 *         now                                     full_ns
 *          |<--- TOKEN_NS --->|<--- TOKEN_NS --->|      two tokens are missing
 *
 * This is one number, with nothing to refill. Once that moment has passed, a source is the same as
 * one never seen, so forgetting it changes no result. A bucket fills within BURST * TOKEN_NS = 250
 * ms. Sources are sorted by their last allowed handshake, so the first one delays the removal of
 * others by no more than that. Each call forgets up to two sources. So no call takes long, and the
 * table holds only recent sources. */
#include "core/ratelimit.h"

#include "base/bytes.h"
#include "base/mem.h"

#define TOKEN_NS (WG_NS_PER_S / WG_RATELIMIT_PER_S)

struct wg_ratelimit_source {
        struct wg_ratelimit_source *next; /* in the chain */
        struct wg_list by_use;
        uint64_t id;
        uint64_t full_ns;
};

enum { CHAINS = WG_RATELIMIT_SOURCES_MAX / 4, COLLECTED_AT_ONCE = 1024 };

static const size_t heads_len = CHAINS * sizeof(struct wg_ratelimit_source *);

/* A number for a source of either family: the 64 bits of an IPv6 network, or an IPv4 address within
 * the IPv6 multicast range, from which no packet comes. */
static uint64_t id_of(const struct wg_ip *ip)
{
        if (ip->family == WG_FAMILY_IPV6)
                return wg_be64_load(ip->bytes);
        return UINT64_C(0xffffffff) << 32 | wg_be32_load(ip->bytes);
}

/* Returns the link that points to a source, or the end of its chain. */
static struct wg_ratelimit_source **link_of(struct wg_ratelimit *r, uint64_t id)
{
        struct wg_ratelimit_source **link = &r->heads[wg_siphash(r->key, &id, sizeof(id)) % CHAINS];

        while (*link && (*link)->id != id)
                link = &(*link)->next;
        return link;
}

static void forget(struct wg_ratelimit *r, struct wg_ratelimit_source *source)
{
        *link_of(r, source->id) = source->next;
        wg_list_remove(&source->by_use);
        r->count--;
        r->env->free(r->env->ctx, source, sizeof(*source));
}

/* Forgets up to `most` sources whose bucket is full at now_ns. */
static void forget_rested(struct wg_ratelimit *r, uint64_t now_ns, size_t most)
{
        WG_LIST_EACH(node, &r->by_use) {
                struct wg_ratelimit_source *source = WG_CONTAINER_OF(
                        node, struct wg_ratelimit_source, by_use);

                if (!most-- || source->full_ns > now_ns)
                        return;
                forget(r, source);
        }
}

static void free_heads(struct wg_ratelimit *r)
{
        if (r->heads)
                r->env->free(r->env->ctx, r->heads, heads_len);
        r->heads = NULL;
}

/* Returns the source with an id; makes one with a full bucket if there is none. NULL: no room. */
static struct wg_ratelimit_source *get_source(struct wg_ratelimit *r, uint64_t id)
{
        const struct wg_env *env = r->env;
        struct wg_ratelimit_source **link, *source;

        if (!r->heads)
                r->heads = env->alloc(env->ctx, heads_len);
        if (!r->heads)
                return NULL;
        link = link_of(r, id);
        if (*link)
                return *link;
        if (r->count >= WG_RATELIMIT_SOURCES_MAX)
                return NULL;
        source = env->alloc(env->ctx, sizeof(*source));
        if (!source)
                return NULL;
        source->id = id;
        wg_list_append(&r->by_use, &source->by_use);
        r->count++;
        *link = source;
        return source;
}

void wg_ratelimit_init(struct wg_ratelimit *r, const struct wg_env *env)
{
        memset(r, 0, sizeof(*r));
        r->env = env;
        wg_list_init(&r->by_use);
        env->random(env->ctx, r->key, sizeof(r->key));
}

void wg_ratelimit_done(struct wg_ratelimit *r)
{
        if (r->heads)
                forget_rested(r, UINT64_MAX, SIZE_MAX);
        free_heads(r);
}

bool wg_ratelimit_allow(struct wg_ratelimit *r, const struct wg_ip *ip, uint64_t now_ns)
{
        struct wg_ratelimit_source *source;
        uint64_t full_ns;

        forget_rested(r, now_ns, 2);
        source = get_source(r, id_of(ip));
        if (!source)
                return false;
        full_ns = WG_MAX(source->full_ns, now_ns);
        if (full_ns - now_ns > (WG_RATELIMIT_BURST - 1) * TOKEN_NS)
                return false;
        source->full_ns = full_ns + TOKEN_NS;
        wg_list_remove(&source->by_use);
        wg_list_append(&r->by_use, &source->by_use);
        return true;
}

bool wg_ratelimit_collect(struct wg_ratelimit *r, uint64_t now_ns)
{
        forget_rested(r, now_ns, COLLECTED_AT_ONCE);
        if (!r->count)
                free_heads(r);
        return r->count > 0;
}
