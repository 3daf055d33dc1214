/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lab/script.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "lab/dial.h"

/* A text that grows. */
struct text {
        char *at;
        size_t len;
        FILE *file; /* NULL: no memory */
};

static void begin(struct text *text)
{
        *text = (struct text){.file = NULL};
        text->file = open_memstream(&text->at, &text->len);
}

WG_PRINTF(2, 3) static void add(struct text *text, const char *format, ...)
{
        va_list arguments;

        if (!text->file)
                return;
        va_start(arguments, format);
        vfprintf(text->file, format, arguments);
        va_end(arguments);
}

static const char *end(struct text *text, struct tl_arena *arena)
{
        const char *copy = NULL;

        if (text->file && fclose(text->file) == 0)
                copy = tl_arena_copy(arena, text->at, text->len);
        free(text->at);
        return copy;
}

/* ---- cables ---- */

/* One end of a segment. */
struct end {
        uint32_t segment;
        uint32_t machine;
        const struct tl_nic *nic;
};

static int compare_ends(const void *a, const void *b)
{
        const struct end *x = a, *y = b;

        if (x->segment != y->segment)
                return x->segment < y->segment ? -1 : 1;
        return x->machine < y->machine ? -1 : x->machine > y->machine;
}

/* All ends, by segment. Returns NULL if there is no memory. */
static struct end *list_ends(struct tl_arena *arena, const struct tl_topology *topology,
                             uint32_t *count)
{
        struct end *ends;
        uint32_t total = 0;

        for (uint32_t i = 0; i < topology->machine_count; i++)
                total += topology->machines[i].nic_count;
        ends = tl_arena_take(arena, total, sizeof(*ends));
        if (!ends)
                return NULL;
        *count = 0;
        for (uint32_t i = 0; i < topology->machine_count; i++) {
                const struct tl_lab_machine *machine = &topology->machines[i];

                for (uint32_t n = 0; n < machine->nic_count; n++)
                        ends[(*count)++] = (struct end){machine->nics[n].segment, i,
                                                        &machine->nics[n]};
        }
        qsort(ends, total, sizeof(*ends), compare_ends);
        return ends;
}

static void add_pair(struct text *text, const struct end *a, const struct end *b, const pid_t *pids)
{
        add(text, "link add %s mtu %u netns %d type veth peer name %s mtu %u netns %d\n",
            a->nic->name, a->nic->mtu, (int)pids[a->machine], b->nic->name, b->nic->mtu,
            (int)pids[b->machine]);
}

static void add_bridge(struct text *text, const struct end *ends, uint32_t count, const pid_t *pids)
{
        uint32_t segment = ends->segment;

        add(text, "link add lan%u up type bridge\n", segment);
        for (uint32_t i = 0; i < count; i++) {
                const struct tl_nic *nic = ends[i].nic;

                add(text,
                    "link add lan%up%u up mtu %u master lan%u type veth peer name %s mtu %u netns "
                    "%d\n",
                    segment, i, nic->mtu, segment, nic->name, nic->mtu, (int)pids[ends[i].machine]);
        }
}

const char *tl_script_cables(struct tl_arena *arena, const struct tl_topology *topology,
                             const pid_t *pids)
{
        uint32_t count, first = 0, next;
        struct end *ends = list_ends(arena, topology, &count);
        struct text text;

        if (!ends)
                return NULL;
        begin(&text);
        for (; first < count; first = next) {
                next = first;
                while (next < count && ends[next].segment == ends[first].segment)
                        next++;
                if (next - first == 2)
                        add_pair(&text, &ends[first], &ends[first + 1], pids);
                else
                        add_bridge(&text, &ends[first], next - first, pids);
        }
        return end(&text, arena);
}

/* ---- machines ---- */

static void add_addresses(struct text *text, const struct tl_nic *nic)
{
        char address[TL_ADDRESS_IP_SIZE];

        for (uint32_t i = 0; i < nic->count; i++) {
                const struct wg_prefix *prefix = &nic->addresses[i];

                tl_address_format_ip(address, &prefix->ip);
                add(text, "addr add %s/%u dev %s%s\n", address, prefix->cidr, nic->name,
                    prefix->ip.family == WG_FAMILY_IPV6 ? " nodad" : "");
        }
}

static void add_route(struct text *text, const struct tl_lab_machine *machine,
                      const struct tl_lab_route *route)
{
        char to[TL_ADDRESS_PREFIX_SIZE], via[TL_ADDRESS_IP_SIZE];

        tl_address_format_prefix(to, &route->to);
        add(text, "route add %s", to);
        if (route->via.family != WG_FAMILY_NONE) {
                tl_address_format_ip(via, &route->via);
                add(text, " via %s", via);
        }
        add(text, " dev %s\n", machine->nics[route->nic].name);
}

const char *tl_script_machine(struct tl_arena *arena, const struct tl_lab_machine *machine)
{
        struct text text;

        begin(&text);
        add(&text, "link set lo up\n");
        for (uint32_t i = 0; i < machine->nic_count; i++) {
                add_addresses(&text, &machine->nics[i]);
                add(&text, "link set %s up\n", machine->nics[i].name);
        }
        for (uint32_t i = 0; i < machine->route_count; i++)
                add_route(&text, machine, &machine->routes[i]);
        return end(&text, arena);
}

static void add_name(struct text *text, const struct wg_ip *ip, const char *name)
{
        char address[TL_ADDRESS_IP_SIZE];

        if (ip->family == WG_FAMILY_NONE)
                return;
        tl_address_format_ip(address, ip);
        add(text, "%s %s\n", address, name);
}

const char *tl_script_hosts(struct tl_arena *arena, const struct tl_topology *topology,
                            const struct tl_lab_machine *machine)
{
        struct text text;
        struct tl_dial dial;

        begin(&text);
        add(&text, "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n");
        for (uint32_t i = 0; i < topology->name_count; i++) {
                const struct tl_known_name *known = &topology->names[i];

                add_name(&text, &known->ip, known->name);
        }
        for (uint32_t i = 0; i < topology->machine_count; i++) {
                const struct tl_lab_machine *other = &topology->machines[i];

                if (!tl_dial_is_end(other) || !other->short_name)
                        continue;
                tl_dial(&dial, topology, machine, other, WG_FAMILY_IPV4);
                add_name(&text, &dial.ip, other->short_name);
                tl_dial(&dial, topology, machine, other, WG_FAMILY_IPV6);
                add_name(&text, &dial.ip, other->short_name);
        }
        return end(&text, arena);
}
