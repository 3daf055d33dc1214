/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "sim/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/check.h"

void sim_world_init(struct sim_world *world, uint64_t seed)
{
        memset(world, 0, sizeof(*world));
        world->seed = seed;
        sim_net_init(&world->net, seed);
        sim_ledger_init(&world->ledger);
}

void sim_world_done(struct sim_world *world)
{
        for (unsigned int i = 0; i < world->node_count; i++) {
                world->figures.allocations_refused += world->nodes[i]->memory.refused;
                sim_node_free(world->nodes[i]);
        }
        while (world->events.count) {
                struct sim_event event = sim_events_take(&world->events);

                sim_net_forget(&event);
        }
        sim_events_done(&world->events);
        sim_ledger_done(&world->ledger);
}

struct sim_node *sim_world_add_node(struct sim_world *world, uint8_t family,
                                    const struct sim_habits *habits)
{
        unsigned int id = world->node_count++;
        uint8_t key[WG_KEY_LEN];

        WG_ASSERT(id < SIM_NODES_MAX);
        world->nodes[id] = sim_node_new(world, id, habits);
        sim_random_fill(&world->nodes[id]->random, key, sizeof(key));
        sim_node_set_key(world->nodes[id], key);
        sim_net_place(&world->net, id, family);
        return world->nodes[id];
}

void sim_world_run(struct sim_world *world, uint64_t until_ns)
{
        while (sim_events_next(&world->events) <= until_ns) {
                struct sim_event event = sim_events_take(&world->events);

                world->now_ns = event.at_ns;
                world->figures.events++;
                event.run(event.object, event.word);
        }
        world->now_ns = until_ns;
}

static WG_PRINTF(4, 0) void print(const struct sim_world *world, FILE *out, unsigned int node,
                                  const char *format, va_list arguments)
{
        fprintf(out, "%12.6f ", (double)world->now_ns / 1e9);
        if (node < world->node_count)
                fprintf(out, "%u ", node);
        else
                fprintf(out, "- ");
        vfprintf(out, format, arguments);
        fputc('\n', out);
}

void sim_trace(const struct sim_world *world, unsigned int node, const char *format, ...)
{
        va_list arguments;

        if (!world->is_verbose)
                return;
        va_start(arguments, format);
        print(world, stdout, node, format, arguments);
        va_end(arguments);
}

void sim_fail(const struct sim_world *world, const char *format, ...)
{
        va_list arguments;

        fflush(stdout);
        va_start(arguments, format);
        print(world, stderr, SIM_STRANGER, format, arguments);
        va_end(arguments);
        fprintf(stderr, "failed: seed %llu\n", (unsigned long long)world->seed);
        exit(1);
}
