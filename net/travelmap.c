/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Parties are alike if they have the same ways to and from as many parties of each kind. That is
 * found by refining colours: at first, all LANs have one, and then each party gets a new colour
 * that depends on its old one, and on the ways to and from the parties of each colour, until no
 * colour splits any more. */
#include "net/travelmap.h"

#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "net/ends.h"

WG_ENUM_DEFINE(tl_pair_way, TL_PAIR_WAYS)

static uint8_t bit(enum tl_pair_way way)
{
        return (uint8_t)(1u << way);
}

/* ---- one pair ---- */

static bool breaks(const struct tl_course *course)
{
        return course->out.mode == TL_TRAVEL_IMPOSSIBLE || course->in.mode == TL_TRAVEL_IMPOSSIBLE;
}

static uint8_t ways_of(const struct tl_course *course, const struct tl_walk_end *from,
                       const struct tl_walk_end *to)
{
        uint8_t ways = 0;

        if (breaks(course))
                return bit(TL_PAIR_NONE);
        if (course->out.mode == TL_TRAVEL_VIRTUAL)
                ways |= bit(TL_PAIR_VIRTUAL);
        if (course->out.mode == TL_TRAVEL_BLOCK)
                ways |= bit(TL_PAIR_BLOCK);
        if (!wg_ip_equal(&course->from, &from->ip) || !wg_ip_equal(&course->to, &to->ip))
                ways |= bit(TL_PAIR_NETMAP);
        if (course->in.mode == TL_TRAVEL_VIA_GATEWAY || course->out.reason == TL_TRAVEL_DROPS_HALF)
                ways |= bit(TL_PAIR_GATEWAY);
        if (course->in.mode == TL_TRAVEL_SNAT)
                ways |= bit(TL_PAIR_SNAT);
        return ways ? ways : bit(TL_PAIR_NATIVE);
}

/* The machine of a LAN, or a node, that something in the source's LAN stands for; the node is NONE
 * if nothing does. */
static struct tl_walk_end find_substituted(const struct tl_model *model,
                                           const struct tl_walk_end *from,
                                           const struct tl_walk_end *to)
{
        for (uint32_t i = 0; !from->is_node && i < model->stand_in_count; i++) {
                const struct tl_stand_in *item = &model->stand_ins[i];
                struct tl_walk_end end;

                if (item->lan != from->lan)
                        continue;
                end = tl_course_find(model, NULL, &item->there.ip);
                if (end.node != TL_MODEL_NONE && end.lan == to->lan && end.is_node == to->is_node &&
                    end.ip.family == to->ip.family)
                        return end;
        }
        return (struct tl_walk_end){.node = TL_MODEL_NONE, .lan = TL_MODEL_NONE};
}

static void fill_cell(struct tl_travelmap_cell *cell, const struct tl_model *model,
                      const struct tl_travelmap_party *from, const struct tl_travelmap_party *to)
{
        struct tl_walk_end substituted;
        struct tl_course course;

        *cell = (struct tl_travelmap_cell){.from = from->end, .to = to->end};
        if (from->end.ip.family != to->end.ip.family)
                return;
        if (from->end.node == to->end.node &&
            (from->end.lan != TL_MODEL_NONE || from->machines == 1)) {
                cell->ways = bit(TL_PAIR_LOCAL);
                return;
        }
        tl_course_plot(&course, model, &from->end, &to->end);
        substituted.node = TL_MODEL_NONE;
        if (course.out.mode == TL_TRAVEL_IMPOSSIBLE)
                substituted = find_substituted(model, &from->end, &to->end);
        if (substituted.node != TL_MODEL_NONE) {
                cell->to = substituted;
                cell->is_part = true;
                tl_course_plot(&course, model, &from->end, &cell->to);
        }
        cell->ways = ways_of(&course, &cell->from, &cell->to);
}

/* ---- the parties ---- */

static const char *name_lan(struct tl_travelmap *map, const struct tl_model *model, uint32_t index)
{
        const struct tl_site *site = &model->sites[model->lans[index].site];
        char prefix[TL_ADDRESS_PREFIX_SIZE];

        if (site->lan_count == 1)
                return site->name;
        tl_address_format_prefix(prefix, &model->lans[index].prefix);
        return tl_arena_format(&map->arena, "%s %s", site->name, prefix);
}

static bool add_lan(struct tl_travelmap *map, const struct tl_model *model, uint32_t index)
{
        const struct tl_lan *lan = &model->lans[index];
        struct tl_travelmap_party *party = &map->items[map->item_count];

        *party = (struct tl_travelmap_party){
                .at = lan->at, .name = name_lan(map, model, index), .machines = 1};
        party->end = (struct tl_walk_end){.ip = tl_ends_free_address(model, lan),
                                          .node = model->sites[lan->site].node,
                                          .lan = index};
        map->item_count += party->end.ip.family != WG_FAMILY_NONE;
        return party->name != NULL;
}

static void add_node(struct tl_travelmap *map, const struct tl_model *model, uint32_t node,
                     const char *name, const struct wg_ip *ip)
{
        if (ip->family == WG_FAMILY_NONE)
                return;
        map->items[map->item_count++] = (struct tl_travelmap_party){
                .end = {.ip = *ip, .node = node, .lan = TL_MODEL_NONE, .is_node = true},
                .name = name,
                .at = model->nodes[node].at,
                .machines = 1};
}

static bool has_presence(const struct tl_model *model, uint32_t node)
{
        for (uint32_t i = 0; i < model->presence_count; i++)
                if (model->presences[i].node == node)
                        return true;
        return false;
}

/* The node that stands for all that are in no network of their own: a device, else a hub, else the
 * node of a site. *count is the number of those of its kind. */
static uint32_t find_plain_node(const struct tl_model *model, uint32_t *count)
{
        bool has_devices = model->node_count > model->hub_count + model->site_count;
        uint32_t found = TL_MODEL_NONE;

        *count = 0;
        for (uint32_t i = has_devices ? model->hub_count + model->site_count : 0;
             i < model->node_count; i++) {
                if (has_presence(model, i) ||
                    (found != TL_MODEL_NONE && model->nodes[i].kind != model->nodes[found].kind))
                        continue;
                if (found == TL_MODEL_NONE)
                        found = i;
                (*count)++;
        }
        return found;
}

static bool list_items(struct tl_travelmap *map, const struct tl_model *model)
{
        uint32_t machines, plain = find_plain_node(model, &machines);

        map->items = tl_arena_take(&map->arena,
                                   (size_t)model->lan_count + model->presence_count + 2,
                                   sizeof(*map->items));
        if (!map->items)
                return false;
        for (uint32_t i = 0; i < model->lan_count; i++)
                if (!add_lan(map, model, i))
                        return false;
        if (plain != TL_MODEL_NONE) {
                const struct tl_node *node = &model->nodes[plain];
                const char *name = node->kind == TL_NODE_DEVICE ? "people" : "hubs";

                add_node(map, model, plain, name,
                         node->ip4.family != WG_FAMILY_NONE ? &node->ip4 : &node->ip6);
                map->items[map->item_count - 1].machines = machines;
        }
        for (uint32_t i = 0; i < model->presence_count; i++) {
                uint32_t node = model->presences[i].node;

                if (i == 0 || model->presences[i - 1].node != node)
                        add_node(map, model, node, model->nodes[node].name,
                                 &model->nodes[node].ip4);
        }
        return true;
}

/* ---- those that are alike ---- */

static uint64_t mix(uint64_t value)
{
        value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
        return value ^ value >> 31;
}

/* What is compared of a cell. */
static uint16_t code_of(const struct tl_travelmap_cell *cell)
{
        return (uint16_t)(cell->ways << 1 | cell->is_part);
}

static int compare_colours(const void *left, const void *right)
{
        uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

        return (a > b) - (a < b);
}

static uint32_t count_colours(const uint64_t *colours, uint64_t *room, uint32_t count)
{
        uint32_t different = count > 0;

        memcpy(room, colours, count * sizeof(*room));
        qsort(room, count, sizeof(*room), compare_colours);
        for (uint32_t i = 1; i < count; i++)
                different += room[i] != room[i - 1];
        return different;
}

/* One round: sums do not depend on the order of the parties. */
static void refine(const uint16_t *codes, const uint64_t *old, uint64_t *new, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                uint64_t sum = 0;

                for (size_t k = 0; k < count; k++)
                        if (k != i)
                                sum += mix(old[k] ^ mix((uint64_t)codes[i * count + k] << 16 |
                                                        codes[k * count + i]));
                new[i] = mix(old[i] ^ mix(sum));
        }
}

/* Nodes, and LANs of each family, are never alike. */
static void set_first_colours(const struct tl_travelmap *map, uint64_t *colours)
{
        for (uint32_t i = 0; i < map->item_count; i++)
                colours[i] = mix((uint64_t)map->items[i].end.ip.family << 1 |
                                 map->items[i].end.is_node);
}

/* What is needed while parties are compared. */
struct room {
        uint16_t *codes; /* [from * item_count + to] */
        uint64_t *colours, *next, *sorted;
        uint32_t *groups; /* per item: index of its party */
};

static bool take_room(struct room *room, size_t count)
{
        room->codes = calloc(count * count + 1, sizeof(*room->codes));
        room->colours = calloc(3 * count + 1, sizeof(*room->colours));
        room->groups = calloc(count + 1, sizeof(*room->groups));
        if (!room->codes || !room->colours || !room->groups)
                return false;
        room->next = room->colours + count;
        room->sorted = room->next + count;
        return true;
}

static void free_room(struct room *room)
{
        free(room->codes);
        free(room->colours);
        free(room->groups);
}

static void fill_codes(const struct tl_travelmap *map, const struct tl_model *model,
                       struct room *room)
{
        size_t count = map->item_count;

        for (size_t i = 0; i < count; i++)
                for (size_t k = 0; k < count; k++) {
                        struct tl_travelmap_cell cell;

                        fill_cell(&cell, model, &map->items[i], &map->items[k]);
                        room->codes[i * count + k] = code_of(&cell);
                }
}

/* Gives equal colours to items that are alike. */
static void paint(const struct tl_travelmap *map, struct room *room)
{
        uint32_t count = map->item_count, before = 0, after;

        set_first_colours(map, room->colours);
        after = count_colours(room->colours, room->sorted, count);
        while (after > before && after < count) {
                refine(room->codes, room->colours, room->next, count);
                memcpy(room->colours, room->next, count * sizeof(*room->colours));
                before = after;
                after = count_colours(room->colours, room->sorted, count);
        }
}

/* The party of an item, which may be a new one. */
static uint32_t find_party(struct tl_travelmap *map, const struct room *room, uint32_t item)
{
        for (uint32_t i = 0; i < map->count; i++)
                if (room->colours[map->parties[i].items[0]] == room->colours[item])
                        return i;
        map->parties[map->count] = map->items[item];
        return map->count++;
}

static bool group(struct tl_travelmap *map, struct room *room)
{
        uint32_t *slots = tl_arena_take(&map->arena, map->item_count, sizeof(*slots)), used = 0;

        map->parties = tl_arena_take(&map->arena, map->item_count, sizeof(*map->parties));
        if (!slots || !map->parties)
                return false;
        for (uint32_t i = 0; i < map->item_count; i++) {
                map->items[i].items = &slots[i];
                slots[i] = i;
                room->groups[i] = find_party(map, room, i);
                map->parties[room->groups[i]].count++;
        }
        slots = tl_arena_take(&map->arena, map->item_count, sizeof(*slots));
        if (!slots)
                return false;
        for (uint32_t i = 0; i < map->count; i++) {
                map->parties[i].items = slots + used;
                used += map->parties[i].count;
                map->parties[i].count = 0;
        }
        for (uint32_t i = 0; i < map->item_count; i++) {
                struct tl_travelmap_party *party = &map->parties[room->groups[i]];

                party->items[party->count++] = i;
        }
        return true;
}

/* ---- the cells ---- */

/* Fills the cell of two parties: that of the first pair of different machines, and whether others
 * are like it. */
static void join_cells(struct tl_travelmap *map, const struct tl_model *model,
                       const struct room *room, uint32_t from, uint32_t to)
{
        const struct tl_travelmap_party *a = &map->parties[from], *b = &map->parties[to];
        struct tl_travelmap_cell *cell = &map->cells[(size_t)from * map->count + to];
        uint32_t first_from = a->items[0], first_to = b->items[from == to && b->count > 1];
        uint16_t code;

        fill_cell(cell, model, &map->items[first_from], &map->items[first_to]);
        code = code_of(cell);
        for (uint32_t i = 0; i < a->count && !cell->is_mixed; i++)
                for (uint32_t k = 0; k < b->count && !cell->is_mixed; k++)
                        cell->is_mixed =
                                a->items[i] != b->items[k] &&
                                room->codes[(size_t)a->items[i] * map->item_count + b->items[k]] !=
                                        code;
}

static bool make_cells(struct tl_travelmap *map, const struct tl_model *model,
                       const struct room *room)
{
        map->cells = tl_arena_take(&map->arena, (size_t)map->count * map->count,
                                   sizeof(*map->cells));
        if (!map->cells)
                return false;
        for (uint32_t i = 0; i < map->count; i++)
                for (uint32_t k = 0; k < map->count; k++)
                        join_cells(map, model, room, i, k);
        return true;
}

bool tl_travelmap_make(struct tl_travelmap *map, const struct tl_model *model)
{
        struct room room = {0};
        bool is_good;

        *map = (struct tl_travelmap){0};
        is_good = list_items(map, model) && take_room(&room, map->item_count);
        if (is_good) {
                fill_codes(map, model, &room);
                paint(map, &room);
                is_good = group(map, &room) && make_cells(map, model, &room);
        }
        free_room(&room);
        return is_good;
}

void tl_travelmap_done(struct tl_travelmap *map)
{
        tl_arena_done(&map->arena);
        *map = (struct tl_travelmap){0};
}

/* ---- reasons ---- */

struct reasons {
        struct tl_travelmap_reason *items;
        uint32_t count;
};

static void add_reason(struct reasons *reasons, const char *text, const char *site,
                       struct tl_place at)
{
        if (reasons->count < TL_TRAVELMAP_REASONS)
                reasons->items[reasons->count++] = (struct tl_travelmap_reason){text, site, at};
}

static const char *site_of(const struct tl_model *model, uint32_t lan)
{
        return model->sites[model->lans[lan].site].name;
}

static void add_travel(struct reasons *reasons, const struct tl_model *model, uint32_t lan,
                       struct tl_travel_choice choice)
{
        add_reason(reasons, tl_travel_reason_text(choice.reason), site_of(model, lan), choice.at);
}

static void add_overlap(struct reasons *reasons, const struct tl_model *model, uint32_t lan)
{
        if (lan != TL_MODEL_NONE && model->lans[lan].overlap.line)
                add_reason(reasons, "its LAN overlaps another network", site_of(model, lan),
                           model->lans[lan].at);
}

uint32_t tl_travelmap_explain(const struct tl_model *model, const struct tl_travelmap_cell *cell,
                              struct tl_travelmap_reason reasons[TL_TRAVELMAP_REASONS])
{
        struct reasons list = {.items = reasons};
        const struct tl_presence *presence = NULL;
        struct tl_course course;

        if (!cell->ways || cell->ways == bit(TL_PAIR_LOCAL))
                return 0;
        tl_course_plot(&course, model, &cell->from, &cell->to);
        if (!cell->from.is_node)
                add_travel(&list, model, cell->from.lan, course.out);
        if (!cell->to.is_node)
                add_travel(&list, model, cell->to.lan, course.in);
        if (cell->ways & bit(TL_PAIR_NETMAP)) {
                add_overlap(&list, model, cell->from.lan);
                add_overlap(&list, model, cell->to.lan);
                if (course.is_hidden)
                        presence = tl_model_find_presence(model, cell->from.node,
                                                          &model->lans[cell->to.lan].wire);
                else if (cell->from.lan != TL_MODEL_NONE && cell->to.is_node)
                        presence = tl_model_find_presence(model, cell->to.node,
                                                          &model->lans[cell->from.lan].wire);
                if (presence)
                        add_reason(&list, "it is in a network with the same addresses",
                                   model->nodes[presence->node].name, presence->at);
        }
        return list.count;
}
