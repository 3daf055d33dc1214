/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { INDENT = 2, GAP = 2 };

FILE *tl_table_begin(struct tl_table *table)
{
        table->buffer = NULL;
        table->stream = open_memstream(&table->buffer, &table->len);
        return table->stream;
}

const char *tl_table_end(struct tl_table *table)
{
        const char *text = NULL;

        if (table->stream && fclose(table->stream) == 0)
                text = tl_arena_copy(&table->arena, table->buffer, table->len);
        free(table->buffer);
        table->stream = NULL;
        table->buffer = NULL;
        table->has_no_memory |= !text;
        return text ? text : "";
}

const char *tl_table_text(struct tl_table *table, const char *format, ...)
{
        FILE *stream = tl_table_begin(table);
        va_list arguments;

        va_start(arguments, format);
        if (stream)
                vfprintf(stream, format, arguments);
        va_end(arguments);
        return tl_table_end(table);
}

void tl_table_add(struct tl_table *table, struct tl_table_row row)
{
        struct tl_table_row *larger = tl_arena_grow(&table->arena, table->rows, table->count,
                                                    &table->capacity, sizeof(*larger));

        if (!larger) {
                table->has_no_memory = true;
                return;
        }
        table->rows = larger;
        larger[table->count++] = row;
}

static unsigned int width_of(const struct tl_table *table, int column)
{
        unsigned int width = 0;

        for (uint32_t i = 0; i < table->count; i++) {
                const char *cell = table->rows[i].cells[column];
                unsigned int len = cell ? (unsigned int)strlen(cell) : 0;

                width = len > width ? len : width;
        }
        return width;
}

static bool is_last(const struct tl_table_row *row, int column)
{
        return column + 1 == TL_TABLE_COLUMNS || !row->cells[column + 1];
}

static void print_row(const struct tl_table_row *row, enum tl_pen_style style,
                      const unsigned int widths[TL_TABLE_COLUMNS], const struct tl_pen *pen)
{
        unsigned int at = INDENT;

        tl_pen_spaces(pen, INDENT);
        for (int i = 0;; at += widths[i++] + GAP) {
                if (is_last(row, i)) {
                        tl_pen_put_words(pen, style, row->cells[i], at, at);
                        break;
                }
                tl_pen_put(pen, style, row->cells[i]);
                tl_pen_spaces(pen, widths[i] + GAP - (unsigned int)strlen(row->cells[i]));
        }
        fputc('\n', pen->out);
}

static void print_note(const char *note, unsigned int indent, const struct tl_pen *pen)
{
        tl_pen_spaces(pen, indent);
        tl_pen_put_words(pen, TL_PEN_PLAIN, note, indent, indent);
        fputc('\n', pen->out);
}

void tl_table_print(const struct tl_table *table, const struct tl_pen *pen)
{
        unsigned int widths[TL_TABLE_COLUMNS];

        for (int i = 0; i < TL_TABLE_COLUMNS; i++)
                widths[i] = width_of(table, i);
        for (uint32_t i = 0; table->count > 1 && i < table->count; i++) {
                const struct tl_table_row *row = &table->rows[i];

                if (row->note)
                        print_note(row->note, INDENT + widths[0] + GAP, pen);
                else
                        print_row(row, i ? TL_PEN_PLAIN : TL_PEN_DIM, widths, pen);
        }
}

void tl_table_done(struct tl_table *table)
{
        tl_arena_done(&table->arena);
}
