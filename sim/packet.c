/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "sim/packet.h"

#include <stdlib.h>
#include <string.h>

#include "sim/memory.h"

struct sim_packet *sim_packet_new(const uint8_t *bytes, uint32_t len, uint32_t before,
                                  uint32_t behind)
{
        struct sim_packet *packet = sim_new(sizeof(*packet) + before + len + behind);

        packet->len = len;
        if (len)
                memcpy(packet->bytes + before, bytes, len);
        return packet;
}

void sim_queue_put(struct sim_queue *queue, struct sim_packet *packet)
{
        packet->next = NULL;
        if (queue->last)
                queue->last->next = packet;
        else
                queue->first = packet;
        queue->last = packet;
        queue->count++;
}

struct sim_packet *sim_queue_take(struct sim_queue *queue)
{
        struct sim_packet *packet = queue->first;

        if (!packet)
                return NULL;
        queue->first = packet->next;
        if (!queue->first)
                queue->last = NULL;
        queue->count--;
        return packet;
}

void sim_queue_purge(struct sim_queue *queue)
{
        struct sim_packet *packet;

        while ((packet = sim_queue_take(queue)))
                free(packet);
}
