/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/inbox.h"

#include <errno.h>
#include <stdlib.h>

int tl_inbox_init(struct tl_inbox *inbox, size_t size)
{
        *inbox = (struct tl_inbox){.size = size};
        inbox->ring = calloc(1, size);
        if (!inbox->ring)
                return -ENOMEM;
        pthread_mutex_init(&inbox->lock, NULL);
        return 0;
}

void tl_inbox_done(struct tl_inbox *inbox)
{
        if (!inbox->ring)
                return;
        wg_wipe(inbox->ring, inbox->size);
        free(inbox->ring);
        pthread_mutex_destroy(&inbox->lock);
        inbox->ring = NULL;
}

static void copy_in(struct tl_inbox *inbox, const void *from, size_t len)
{
        size_t at = (inbox->read + inbox->used) % inbox->size;
        size_t before_end = WG_MIN(len, inbox->size - at);

        memcpy(inbox->ring + at, from, before_end);
        memcpy(inbox->ring, (const uint8_t *)from + before_end, len - before_end);
        inbox->used += len;
}

static void look_at(const struct tl_inbox *inbox, void *to, size_t len)
{
        size_t before_end = WG_MIN(len, inbox->size - inbox->read);

        memcpy(to, inbox->ring + inbox->read, before_end);
        memcpy((uint8_t *)to + before_end, inbox->ring, len - before_end);
}

static void skip(struct tl_inbox *inbox, size_t len)
{
        inbox->read = (inbox->read + len) % inbox->size;
        inbox->used -= len;
}

static void copy_out(struct tl_inbox *inbox, void *to, size_t len)
{
        look_at(inbox, to, len);
        skip(inbox, len);
}

bool tl_inbox_put(struct tl_inbox *inbox, const struct tl_inbox_head *head, const uint8_t *bytes)
{
        bool fits;

        pthread_mutex_lock(&inbox->lock);
        fits = inbox->size - inbox->used >= sizeof(*head) + head->len;
        if (fits) {
                copy_in(inbox, head, sizeof(*head));
                copy_in(inbox, bytes, head->len);
        }
        pthread_mutex_unlock(&inbox->lock);
        return fits;
}

bool tl_inbox_take(struct tl_inbox *inbox, struct tl_inbox_head *head, uint8_t *bytes)
{
        bool has_one;

        pthread_mutex_lock(&inbox->lock);
        has_one = inbox->used != 0;
        if (has_one) {
                copy_out(inbox, head, sizeof(*head));
                copy_out(inbox, bytes, head->len);
        }
        pthread_mutex_unlock(&inbox->lock);
        return has_one;
}

bool tl_inbox_drop_older(struct tl_inbox *inbox, uint64_t before_ns)
{
        struct tl_inbox_head head = {.len = 0};
        bool is_older = false;

        pthread_mutex_lock(&inbox->lock);
        if (inbox->used) {
                look_at(inbox, &head, sizeof(head));
                is_older = head.arrived_ns < before_ns;
        }
        if (is_older)
                skip(inbox, sizeof(head) + head.len);
        pthread_mutex_unlock(&inbox->lock);
        return is_older;
}

size_t tl_inbox_used(struct tl_inbox *inbox)
{
        size_t used;

        pthread_mutex_lock(&inbox->lock);
        used = inbox->used;
        pthread_mutex_unlock(&inbox->lock);
        return used;
}
