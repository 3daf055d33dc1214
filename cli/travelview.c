/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/travelview.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/report.h"
#include "conf/address.h"
#include "net/travelmap.h"

enum {
        INDENT = 2,
        GAP = 2,
        CELL = 64,      /* bytes of a cell */
        WIDTH = 120,    /* of a matrix that is not for a terminal */
        NAMES = 3,      /* parties that a list names */
        REASONS = 4096, /* that are numbered */
};

/* What is being shown. Reasons are numbered from 1, in the order in which cells refer to them. */
struct view {
        const struct tl_pen *pen;
        const struct tl_model *model;
        struct tl_travelmap map;
        struct tl_travelmap_reason *reasons;
        uint32_t reason_count;
};

static const struct tl_travelmap_cell *cell_at(const struct view *v, uint32_t from, uint32_t to)
{
        return &v->map.cells[(size_t)from * v->map.count + to];
}

/* ---- reasons ---- */

static bool is_same(const struct tl_travelmap_reason *a, const struct tl_travelmap_reason *b)
{
        return a->text == b->text && a->site == b->site && a->at.line == b->at.line;
}

static uint32_t number_of(struct view *v, const struct tl_travelmap_reason *reason)
{
        for (uint32_t i = 0; i < v->reason_count; i++)
                if (is_same(&v->reasons[i], reason))
                        return i + 1;
        if (v->reason_count == REASONS)
                return REASONS;
        v->reasons[v->reason_count++] = *reason;
        return v->reason_count;
}

static void put_reasons(const struct view *v)
{
        for (uint32_t i = 0; i < v->reason_count; i++) {
                const struct tl_travelmap_reason *reason = &v->reasons[i];
                char text[256];

                snprintf(text, sizeof(text), "%s%s%s [line %" PRIu32 "]",
                         reason->site ? reason->site : "", reason->site ? ": " : "", reason->text,
                         reason->at.line);
                fprintf(v->pen->out, "%*s%3" PRIu32 "  ", INDENT, "", i + 1);
                tl_pen_put_words(v->pen, TL_PEN_DIM, text, INDENT + 5, INDENT + 5);
                fputc('\n', v->pen->out);
        }
}

/* ---- cells ---- */

static const char *way_word(enum tl_pair_way way)
{
        return way == TL_PAIR_GATEWAY ? "via gateway" : tl_pair_way_name(way);
}

static bool has_way(const struct tl_travelmap_cell *cell, int way)
{
        return cell->ways >> way & 1;
}

/* "virtual + netmap", "native or other", "-". */
static void write_ways(char out[CELL], const struct tl_travelmap_cell *cell)
{
        size_t len = 0;

        out[0] = '\0';
        if (!cell->ways || has_way(cell, TL_PAIR_LOCAL)) {
                snprintf(out, CELL, "%s", cell->ways ? "local" : "-");
                return;
        }
        for (int way = TL_PAIR_NATIVE; way <= TL_PAIR_NONE; way++)
                if (has_way(cell, way) && len < CELL)
                        len += (size_t)snprintf(out + len, CELL - len, "%s%s", len ? " + " : "",
                                                way_word((enum tl_pair_way)way));
        if (len < CELL && cell->is_part)
                len += (size_t)snprintf(out + len, CELL - len, " (some)");
        if (len < CELL && cell->is_mixed)
                snprintf(out + len, CELL - len, " or other");
}

/* The same with the numbers of reasons: "virtual 1,2". */
static void write_numbered(struct view *v, char out[CELL], const struct tl_travelmap_cell *cell,
                           const struct tl_travelmap_reason *reasons, uint32_t count)
{
        size_t len;

        write_ways(out, cell);
        len = strlen(out);
        for (uint32_t i = 0; i < count && len < CELL; i++)
                len += (size_t)snprintf(out + len, CELL - len, "%s%" PRIu32, i ? "," : " ",
                                        number_of(v, &reasons[i]));
}

static void write_cell(struct view *v, char out[CELL], const struct tl_travelmap_cell *cell)
{
        struct tl_travelmap_reason reasons[TL_TRAVELMAP_REASONS];
        uint32_t count = tl_travelmap_explain(v->model, cell, reasons);

        write_numbered(v, out, cell, reasons, count);
}

static enum tl_pen_style style_of(const struct tl_travelmap_cell *cell)
{
        if (!cell->ways || has_way(cell, TL_PAIR_LOCAL))
                return TL_PEN_DIM;
        if (has_way(cell, TL_PAIR_NONE))
                return TL_PEN_BAD;
        return has_way(cell, TL_PAIR_NATIVE) ? TL_PEN_GOOD : TL_PEN_PLAIN;
}

/* "beijing", "beijing and shenzhen", "beijing and 11 like it", "people (12)". */
static void write_name(char out[CELL], const struct view *v, uint32_t index)
{
        const struct tl_travelmap_party *party = &v->map.parties[index];

        if (party->machines > 1)
                snprintf(out, CELL, "%.40s (%" PRIu32 ")", party->name, party->machines);
        else if (party->count == 2)
                snprintf(out, CELL, "%.28s and %.28s", party->name,
                         v->map.items[party->items[1]].name);
        else if (party->count > 2)
                snprintf(out, CELL, "%.40s and %" PRIu32 " like it", party->name, party->count - 1);
        else
                snprintf(out, CELL, "%.60s", party->name);
}

/* ---- the matrix ---- */

static unsigned int width_of_column(struct view *v, uint32_t column)
{
        char text[CELL];
        size_t width;

        write_name(text, v, column);
        width = strlen(text);
        for (uint32_t row = 0; row < v->map.count; row++) {
                write_cell(v, text, cell_at(v, row, column));
                width = strlen(text) > width ? strlen(text) : width;
        }
        return (unsigned int)width + GAP;
}

static unsigned int width_of_names(const struct view *v)
{
        char text[CELL];
        size_t width = strlen("from \\ to");

        for (uint32_t row = 0; row < v->map.count; row++) {
                write_name(text, v, row);
                width = strlen(text) > width ? strlen(text) : width;
        }
        return (unsigned int)width + GAP;
}

static void put_padded(const struct tl_pen *pen, enum tl_pen_style style, const char *text,
                       unsigned int width)
{
        tl_pen_put(pen, style, text);
        tl_pen_spaces(pen, width - (unsigned int)strlen(text));
}

static void put_matrix(struct view *v, const unsigned int *widths, unsigned int names)
{
        char text[CELL];

        tl_pen_spaces(v->pen, INDENT);
        put_padded(v->pen, TL_PEN_DIM, "from \\ to", names);
        for (uint32_t i = 0; i < v->map.count; i++) {
                write_name(text, v, i);
                put_padded(v->pen, TL_PEN_BOLD, text,
                           i + 1 < v->map.count ? widths[i] : (unsigned int)strlen(text));
        }
        fputc('\n', v->pen->out);
        for (uint32_t row = 0; row < v->map.count; row++) {
                write_name(text, v, row);
                tl_pen_spaces(v->pen, INDENT);
                put_padded(v->pen, TL_PEN_BOLD, text, names);
                for (uint32_t i = 0; i < v->map.count; i++) {
                        const struct tl_travelmap_cell *cell = cell_at(v, row, i);

                        write_cell(v, text, cell);
                        put_padded(v->pen, style_of(cell), text,
                                   i + 1 < v->map.count ? widths[i] : (unsigned int)strlen(text));
                }
                fputc('\n', v->pen->out);
        }
}

/* ---- the list ---- */

static bool is_alike(const struct tl_travelmap_cell *a, const struct tl_travelmap_cell *b)
{
        return a->ways == b->ways && a->is_part == b->is_part && a->is_mixed == b->is_mixed;
}

static bool is_first_of_kind(const struct view *v, uint32_t row, uint32_t column)
{
        for (uint32_t i = 0; i < column; i++)
                if (is_alike(cell_at(v, row, i), cell_at(v, row, column)))
                        return false;
        return true;
}

/* Keeps the reasons that another cell has as well. Returns their number. */
static uint32_t keep_common(const struct view *v, struct tl_travelmap_reason *reasons,
                            uint32_t count, const struct tl_travelmap_cell *cell)
{
        struct tl_travelmap_reason others[TL_TRAVELMAP_REASONS];
        uint32_t other_count = tl_travelmap_explain(v->model, cell, others), kept = 0;

        for (uint32_t i = 0; i < count; i++)
                for (uint32_t k = 0; k < other_count; k++)
                        if (is_same(&reasons[i], &others[k])) {
                                reasons[kept++] = reasons[i];
                                break;
                        }
        return kept;
}

/* What a row has in common with all columns that are like the first one. */
static void write_common(struct view *v, char out[CELL], uint32_t row, uint32_t first)
{
        struct tl_travelmap_reason reasons[TL_TRAVELMAP_REASONS];
        const struct tl_travelmap_cell *cell = cell_at(v, row, first);
        uint32_t count = tl_travelmap_explain(v->model, cell, reasons);

        for (uint32_t i = first + 1; i < v->map.count; i++)
                if (is_alike(cell_at(v, row, i), cell))
                        count = keep_common(v, reasons, count, cell_at(v, row, i));
        write_numbered(v, out, cell, reasons, count);
}

/* "beijing, shanghai and 40 more". */
static void put_destinations(const struct view *v, uint32_t row, uint32_t first)
{
        uint32_t count = 0;
        char text[CELL];

        for (uint32_t i = first; i < v->map.count; i++) {
                if (!is_alike(cell_at(v, row, i), cell_at(v, row, first)))
                        continue;
                write_name(text, v, i);
                if (count++ < NAMES)
                        fprintf(v->pen->out, "%s%s", count > 1 ? ", " : "", text);
        }
        if (count > NAMES)
                fprintf(v->pen->out, " and %" PRIu32 " more", count - NAMES);
        fputc('\n', v->pen->out);
}

static void put_list(struct view *v)
{
        char text[CELL];

        for (uint32_t row = 0; row < v->map.count; row++) {
                tl_pen_spaces(v->pen, INDENT);
                write_name(text, v, row);
                tl_pen_put(v->pen, TL_PEN_BOLD, text);
                fputc('\n', v->pen->out);
                for (uint32_t i = 0; i < v->map.count; i++) {
                        const struct tl_travelmap_cell *cell = cell_at(v, row, i);

                        if (!cell->ways || has_way(cell, TL_PAIR_LOCAL) ||
                            !is_first_of_kind(v, row, i))
                                continue;
                        write_common(v, text, row, i);
                        tl_pen_spaces(v->pen, 2 * INDENT);
                        put_padded(v->pen, style_of(cell), text, (unsigned int)strlen(text));
                        fputs(" to ", v->pen->out);
                        put_destinations(v, row, i);
                }
        }
}

/* ---- all of it ---- */

static bool print(struct view *v)
{
        unsigned int *widths = tl_arena_take(&v->map.arena, v->map.count + 1, sizeof(*widths));
        unsigned int limit = v->pen->width ? v->pen->width : (unsigned int)WIDTH;
        unsigned int names = width_of_names(v), total = INDENT + names;

        v->reasons = tl_arena_take(&v->map.arena, REASONS, sizeof(*v->reasons));
        if (!widths || !v->reasons)
                return false;
        for (uint32_t i = 0; i < v->map.count && total <= limit; i++)
                total += widths[i] = width_of_column(v, i);
        v->reason_count = 0;
        tl_pen_put(v->pen, TL_PEN_BOLD, "How packets travel");
        fputs("\n\n", v->pen->out);
        if (total <= limit + GAP)
                put_matrix(v, widths, names);
        else
                put_list(v);
        fputc('\n', v->pen->out);
        put_reasons(v);
        return true;
}

bool tl_travelview_print(const struct tl_pen *pen, const struct tl_model *model)
{
        struct view v = {.pen = pen, .model = model};
        bool is_good = tl_travelmap_make(&v.map, model) && print(&v);

        tl_travelmap_done(&v.map);
        return is_good;
}

/* ---- JSON ---- */

static json_t *describe_party(const struct tl_travelmap *map, const struct tl_model *model,
                              uint32_t index)
{
        const struct tl_travelmap_party *party = &map->parties[index];
        json_t *members = json_array(), *object;
        char prefix[TL_ADDRESS_PREFIX_SIZE];
        bool is_lan = !party->end.is_node;

        for (uint32_t i = 0; i < party->count; i++)
                json_array_append_new(members, json_string(map->items[party->items[i]].name));
        if (is_lan)
                tl_address_format_prefix(prefix, &model->lans[party->end.lan].prefix);
        object = json_pack("{s:s, s:s, s:s*, s:i, s:o}", "name", party->name, "kind",
                           is_lan ? "lan" : "node", "prefix", is_lan ? prefix : NULL, "machines",
                           (int)party->machines, "members", members);
        tl_report_json_place(object, party->at);
        return object;
}

static json_t *describe_reasons(const struct tl_model *model, const struct tl_travelmap_cell *cell)
{
        struct tl_travelmap_reason reasons[TL_TRAVELMAP_REASONS];
        uint32_t count = tl_travelmap_explain(model, cell, reasons);
        json_t *array = json_array();

        for (uint32_t i = 0; i < count; i++) {
                json_t *object = json_pack("{s:s*, s:s}", "of", reasons[i].site, "text",
                                           reasons[i].text);

                tl_report_json_place(object, reasons[i].at);
                json_array_append_new(array, object);
        }
        return array;
}

static json_t *describe_pair(const struct tl_travelmap *map, const struct tl_model *model,
                             uint32_t from, uint32_t to)
{
        const struct tl_travelmap_cell *cell = &map->cells[(size_t)from * map->count + to];
        json_t *ways = json_array();

        for (int way = TL_PAIR_NATIVE; way <= TL_PAIR_LOCAL; way++)
                if (has_way(cell, way))
                        json_array_append_new(ways,
                                              json_string(tl_pair_way_name((enum tl_pair_way)way)));
        return json_pack("{s:s, s:s, s:o, s:b, s:b, s:o}", "from", map->parties[from].name, "to",
                         map->parties[to].name, "ways", ways, "is_part", cell->is_part, "is_mixed",
                         cell->is_mixed, "reasons", describe_reasons(model, cell));
}

static json_t *describe(const struct tl_travelmap *map, const struct tl_model *model)
{
        json_t *parties = json_array(), *pairs = json_array();

        for (uint32_t i = 0; i < map->count; i++)
                json_array_append_new(parties, describe_party(map, model, i));
        for (uint32_t i = 0; i < map->count; i++)
                for (uint32_t k = 0; k < map->count; k++)
                        if (map->cells[(size_t)i * map->count + k].ways)
                                json_array_append_new(pairs, describe_pair(map, model, i, k));
        return json_pack("{s:o, s:o}", "parties", parties, "pairs", pairs);
}

json_t *tl_travelview_json(const struct tl_model *model)
{
        struct tl_travelmap map;
        json_t *object = tl_travelmap_make(&map, model) ? describe(&map, model) : NULL;

        tl_travelmap_done(&map);
        return object;
}
