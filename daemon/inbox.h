/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * inbox.h - a queue of messages or packets from the workers to the engine.
 *
 * It is a ring of bytes with a lock, which is held for one copy. It never grows: a worker drops a
 * record that does not fit.
 * Threads: any. */
#ifndef DAEMON_INBOX_H
#define DAEMON_INBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/endpoint.h"

struct wg_peer;

/* Precedes the bytes of a record. */
struct tl_inbox_head {
        uint64_t arrived_ns;
        struct wg_endpoint from; /* of a handshake message */
        struct wg_peer *peer;    /* destination of a packet without a session */
        uint32_t len;
};

struct tl_inbox {
        pthread_mutex_t lock;
        size_t size, read, used; /* bytes; `read` is where the oldest record begins */
        uint8_t *ring;
};

/* Makes a ring of `size` bytes. Returns 0 or -ENOMEM. */
int tl_inbox_init(struct tl_inbox *inbox, size_t size) WG_MUST_USE;

/* Wipes and frees the ring. Accepts zeroed memory. */
void tl_inbox_done(struct tl_inbox *inbox);

/* Copies head and head->len bytes in. Returns false if they do not fit. */
bool tl_inbox_put(struct tl_inbox *inbox, const struct tl_inbox_head *head,
                  const uint8_t *bytes) WG_MUST_USE;

/* Moves the oldest record out. `bytes` must have room for any record. Returns false if there is
 * none. */
bool tl_inbox_take(struct tl_inbox *inbox, struct tl_inbox_head *head, uint8_t *bytes) WG_MUST_USE;

/* Drops the oldest record if it arrived before that time. Returns whether it did. */
bool tl_inbox_drop_older(struct tl_inbox *inbox, uint64_t before_ns) WG_MUST_USE;

/* Returns the number of bytes in use. */
size_t tl_inbox_used(struct tl_inbox *inbox) WG_MUST_USE;

#endif
