/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "client/names.h"

#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "io/clock.h"
#include "io/resolve.h"

enum { POLL_MS = 20, HOST_MAX = 256 };

/* One name and its result. The thread writes the result, and then advances `done`. */
struct lookup {
        char host[HOST_MAX];
        struct wg_endpoint found;
        const char *reason; /* why there is no address; NULL: there is one */
        uint32_t peer;
};

/* On the heap, and leaked if the caller stops waiting, because the thread still uses it. */
struct lookups {
        pthread_mutex_t lock;
        struct lookup *items;
        uint32_t count;
        uint32_t done; /* under the lock: the first `done` items are finished */
        int retries;
};

bool tl_names_add(struct tl_names *names, const uint8_t public_key[TL_CONF_KEY_LEN],
                  const char *host, uint16_t port)
{
        struct tl_name name = {.host = strdup(host), .port = port};

        if (name.host && names->count == names->capacity) {
                uint32_t capacity = names->capacity ? names->capacity * 2 : 4;
                struct tl_name *bigger = reallocarray(names->items, capacity, sizeof(name));

                if (bigger) {
                        names->items = bigger;
                        names->capacity = capacity;
                }
        }
        if (!name.host || names->count == names->capacity) {
                free(name.host);
                return false;
        }
        memcpy(name.public_key, public_key, sizeof(name.public_key));
        names->items[names->count++] = name;
        return true;
}

void tl_names_remove(struct tl_names *names, uint32_t i)
{
        free(names->items[i].host);
        names->items[i] = names->items[--names->count];
}

void tl_names_done(struct tl_names *names)
{
        while (names->count)
                tl_names_remove(names, names->count - 1);
        free(names->items);
        *names = (struct tl_names){0};
}

/* Writes the name to look up for a peer. Returns false if there is none. The daemon itself resolves
 * the zone of a link that exists. */
static bool find_host(const struct tl_change_peer *peer, char host[HOST_MAX])
{
        char text[TL_ADDRESS_IP_SIZE];

        if (!peer->has_endpoint)
                return false;
        if (peer->endpoint_host) {
                snprintf(host, HOST_MAX, "%s", peer->endpoint_host);
                return true;
        }
        if (!peer->zone[0] || if_nametoindex(peer->zone))
                return false;
        tl_address_format_ip(text, &peer->endpoint.ip);
        snprintf(host, HOST_MAX, "%s%%%s", text, peer->zone);
        return true;
}

static void lookups_free(struct lookups *lookups)
{
        if (!lookups)
                return;
        free(lookups->items);
        pthread_mutex_destroy(&lookups->lock);
        free(lookups);
}

static uint32_t count_done(struct lookups *lookups)
{
        uint32_t done;

        pthread_mutex_lock(&lookups->lock);
        done = lookups->done;
        pthread_mutex_unlock(&lookups->lock);
        return done;
}

static void *look_up(void *argument)
{
        struct lookups *lookups = argument;

        for (uint32_t i = 0; i < lookups->count; i++) {
                struct lookup *lookup = &lookups->items[i];

                lookup->reason = tl_resolve(lookup->host, lookups->retries, &lookup->found);
                pthread_mutex_lock(&lookups->lock);
                lookups->done = i + 1;
                pthread_mutex_unlock(&lookups->lock);
        }
        return NULL;
}

static size_t count_names(const struct tl_change *change)
{
        char host[HOST_MAX];
        size_t count = 0;

        for (uint32_t i = 0; i < change->peer_count; i++)
                count += find_host(tl_change_peer_at(change, i), host);
        return count;
}

static struct lookups *collect(const struct tl_change *change, int retries)
{
        struct lookups *lookups = calloc(1, sizeof(*lookups));
        size_t count = count_names(change);

        if (!lookups)
                return NULL;
        pthread_mutex_init(&lookups->lock, NULL);
        lookups->retries = retries;
        lookups->items = calloc(count + 1, sizeof(*lookups->items));
        for (uint32_t i = 0; lookups->items && lookups->count < count; i++) {
                struct lookup *lookup = &lookups->items[lookups->count];

                if (!find_host(tl_change_peer_at(change, i), lookup->host))
                        continue;
                lookup->peer = i;
                lookups->count++;
        }
        if (lookups->items)
                return lookups;
        lookups_free(lookups);
        return NULL;
}

static bool is_over(const struct tl_names_patience *patience, uint64_t begun_ns)
{
        if (patience->is_interrupted && patience->is_interrupted())
                return true;
        return patience->timeout_ms &&
               tl_clock_boot_ns() >= begun_ns + patience->timeout_ms * TL_NS_PER_MS;
}

/* Waits for the thread. Returns the number of finished lookups. */
static uint32_t await_lookups(struct lookups *lookups, const struct tl_names_patience *patience)
{
        uint64_t begun_ns = tl_clock_boot_ns();
        uint32_t done;

        while ((done = count_done(lookups)) < lookups->count && !is_over(patience, begun_ns))
                poll(NULL, 0, POLL_MS);
        return done;
}

/* Writes the address into the change, or adds the name to those that did not resolve. */
static bool take(struct tl_change *change, const struct lookup *lookup, const char *reason,
                 struct tl_names *names)
{
        struct tl_change_peer *peer = tl_change_peer_at(change, lookup->peer);
        uint16_t port = peer->endpoint.port;

        if (!reason) {
                peer->endpoint = lookup->found;
                peer->endpoint.port = port;
                peer->zone[0] = '\0';
                return true;
        }
        peer->has_endpoint = false;
        if (!tl_names_add(names, peer->public_key, lookup->host, port))
                return false;
        names->items[names->count - 1].reason = reason;
        return true;
}

bool tl_names_find(struct tl_change *change, const struct tl_names_patience *patience,
                   struct tl_names *names)
{
        struct lookups *lookups = collect(change, patience->retries);
        bool is_good = lookups;
        uint32_t done = 0;
        pthread_t thread;

        *names = (struct tl_names){0};
        if (is_good && lookups->count && pthread_create(&thread, NULL, look_up, lookups) == 0) {
                done = await_lookups(lookups, patience);
                if (done == lookups->count)
                        pthread_join(thread, NULL);
                else
                        pthread_detach(thread);
        }
        for (uint32_t i = 0; is_good && i < lookups->count; i++) {
                const struct lookup *lookup = &lookups->items[i];

                is_good = take(change, lookup, i < done ? lookup->reason : "no answer in time",
                               names);
        }
        /* A thread that is still waiting for an answer uses the memory. */
        if (lookups && done == lookups->count)
                lookups_free(lookups);
        return is_good;
}
