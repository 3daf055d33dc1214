/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lab/view.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "io/clock.h"

enum { WIDE_CELL = 7, NUMBERED_CELL = 3, PAIRS_SHOWN = 3 };

#define RED "\033[31m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define BOLD "\033[1m"
#define DIM "\033[2m"
#define PLAIN "\033[0m"

/* ---- the terminal ---- */

static bool says_utf8(void)
{
        static const char *const NAMES[] = {"LC_ALL", "LC_CTYPE", "LANG"};

        for (size_t i = 0; i < WG_ARRAY_SIZE(NAMES); i++) {
                const char *value = getenv(NAMES[i]);

                if (value && *value)
                        return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
        }
        return false;
}

void tl_view_init(struct tl_view *view, FILE *out)
{
        const char *terminal = getenv("TERM"), *no_colour = getenv("NO_COLOR");
        struct winsize size;

        *view = (struct tl_view){.out = out, .width = 100, .begun_ns = tl_clock_boot_ns()};
        view->is_terminal = isatty(fileno(out));
        view->is_utf8 = says_utf8();
        view->has_colour = view->is_terminal && !(no_colour && *no_colour) && terminal &&
                           strcmp(terminal, "dumb") != 0;
        if (view->is_terminal && ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col)
                view->width = size.ws_col;
}

static const char *colour(const struct tl_view *view, const char *code)
{
        return view->has_colour ? code : "";
}

static const char *symbol(const struct tl_view *view, const char *utf8, const char *ascii)
{
        return view->is_utf8 ? utf8 : ascii;
}

static void clear_line(const struct tl_view *view)
{
        if (view->is_terminal)
                fputs("\r\033[K", view->out);
}

static double elapsed_s(const struct tl_view *view)
{
        return (double)(tl_clock_boot_ns() - view->begun_ns) / (double)TL_NS_PER_S;
}

void tl_view_step(const struct tl_view *view, const char *format, ...)
{
        va_list arguments;

        clear_line(view);
        fprintf(view->out, "%s%6.1f s%s  ", colour(view, DIM), elapsed_s(view),
                colour(view, PLAIN));
        va_start(arguments, format);
        vfprintf(view->out, format, arguments);
        va_end(arguments);
        fputc('\n', view->out);
        fflush(view->out);
}

void tl_view_doing(const struct tl_view *view, const char *format, ...)
{
        va_list arguments;

        if (!view->is_terminal)
                return;
        clear_line(view);
        fprintf(view->out, "%s%6.1f s  ", colour(view, DIM), elapsed_s(view));
        va_start(arguments, format);
        vfprintf(view->out, format, arguments);
        va_end(arguments);
        fprintf(view->out, "%s%s", symbol(view, "…", "..."), colour(view, PLAIN));
        fflush(view->out);
}

void tl_view_idle(const struct tl_view *view)
{
        clear_line(view);
        fflush(view->out);
}

void tl_view_title(const struct tl_view *view, const char *format, ...)
{
        va_list arguments;

        clear_line(view);
        fprintf(view->out, "\n%s", colour(view, BOLD));
        va_start(arguments, format);
        vfprintf(view->out, format, arguments);
        va_end(arguments);
        fprintf(view->out, "%s\n", colour(view, PLAIN));
}

/* ---- cells ---- */

/* How a cell looks, and what its mark means. A cell of a pair that works has a mark for everything
 * that happens to its packets. */
struct look {
        const char *utf8, *ascii, *code, *legend;
};

static const struct look LOOKS[] = {
        {"✓", "+", GREEN, "works, with its own address"},
        {"◇", "v", GREEN, "works; an address of the source's LAN stands for the destination"},
        {"⇄", "m", GREEN, "works; one end knows the other by its mapped address"},
        {"↺", "r", GREEN, "works; through the destination's router, which sees both directions"},
        {"≈", "~", GREEN, "works; the destination sees the address of its site's node"},
        {"=", "=", GREEN, "works, within the site"},
        {"·", ".", DIM, "forbidden by the policy"},
        {"✗", "x", YELLOW, "cannot work"},
        {"!", "!", BOLD RED, "packets and model disagree"},
};
enum {
        LOOK_NATIVE,
        LOOK_VIRTUAL,
        LOOK_MAPPED,
        LOOK_VIA_GATEWAY,
        LOOK_SNAT,
        LOOK_LAN,
        LOOK_FORBIDDEN,
        LOOK_BROKEN,
        LOOK_WRONG,
        LOOK_COUNT
};

/* The looks of the ways of a pair: a bit for each. */
static uint32_t looks_of_ways(uint32_t ways)
{
        static const struct {
                enum tl_matrix_way way;
                unsigned int look;
        } ROWS[] = {
                {TL_MATRIX_LAN, LOOK_LAN},         {TL_MATRIX_NATIVE, LOOK_NATIVE},
                {TL_MATRIX_VIRTUAL, LOOK_VIRTUAL}, {TL_MATRIX_MAPPED, LOOK_MAPPED},
                {TL_MATRIX_SNAT, LOOK_SNAT},       {TL_MATRIX_VIA_GATEWAY, LOOK_VIA_GATEWAY},
        };
        uint32_t looks = 0;

        for (size_t i = 0; i < WG_ARRAY_SIZE(ROWS); i++)
                looks |= ways & ROWS[i].way ? 1u << ROWS[i].look : 0;
        return looks;
}

/* The looks of a cell: a bit for each; none if the pair was not tried. */
static uint32_t looks_of(const struct tl_matrix_cell *cell)
{
        switch (tl_matrix_judge(cell)) {
        case TL_MATRIX_UNTRIED:
                return 0;
        case TL_MATRIX_WORKS:
                return looks_of_ways(cell->ways);
        case TL_MATRIX_FORBIDDEN:
                return 1u << LOOK_FORBIDDEN;
        case TL_MATRIX_BROKEN:
                return 1u << LOOK_BROKEN;
        case TL_MATRIX_MISSING:
        case TL_MATRIX_SURPRISE:
                break;
        }
        return 1u << LOOK_WRONG;
}

/* A time in at most four characters, in milliseconds. */
static void format_ms(char out[8], uint32_t us)
{
        snprintf(out, 8, us < 9995 ? "%.2f" : us < 99950 ? "%.1f" : "%.0f", us / 1000.0);
}

/* Prints the marks. Returns how many. */
static int print_marks(const struct tl_view *view, uint32_t looks)
{
        int count = 0;

        for (unsigned int i = 0; i < LOOK_COUNT; i++) {
                if (!(looks & 1u << i))
                        continue;
                fprintf(view->out, "%s%s%s", colour(view, LOOKS[i].code),
                        symbol(view, LOOKS[i].utf8, LOOKS[i].ascii), colour(view, PLAIN));
                count++;
        }
        return count;
}

static void print_cell(const struct tl_view *view, const struct tl_matrix_cell *cell, bool is_wide,
                       uint32_t width)
{
        char time[8];
        int used = print_marks(view, looks_of(cell));

        if (is_wide && cell->probe && tl_probe_is_reached(cell->probe)) {
                format_ms(time, cell->probe->rtt_us);
                fprintf(view->out, "%s %s%s", colour(view, DIM), time, colour(view, PLAIN));
                used += 1 + (int)strlen(time);
        }
        fprintf(view->out, "%*s", WG_MAX((int)width - used, 0), "");
}

/* ---- the matrix ---- */

#define CORNER "from \\ to"

struct table {
        const struct tl_view *view;
        const struct tl_matrix *matrix;
        int family;
        uint32_t name_width, cell_width;
        bool is_wide;        /* with times */
        bool is_numbered;    /* columns have numbers, for lack of room */
        uint32_t first, end; /* the columns of the block that is printed */
};

static const char *name_of(const struct table *table, uint32_t end)
{
        return tl_matrix_name(table->matrix->ends[end]);
}

/* The most marks that a cell has, at least one. */
static uint32_t count_marks(const struct table *table)
{
        const struct tl_matrix *matrix = table->matrix;
        uint32_t most = 1;

        for (uint32_t i = 0; i < matrix->count * matrix->count; i++)
                most = WG_MAX(most, (uint32_t)__builtin_popcount(
                                            looks_of(&matrix->cells[table->family][i])));
        return most;
}

static void measure(struct table *table)
{
        const struct tl_matrix *matrix = table->matrix;
        uint32_t more = count_marks(table) - 1, longest = 0, room;

        for (uint32_t i = 0; i < matrix->count; i++)
                longest = WG_MAX(longest, (uint32_t)strlen(name_of(table, i)));
        table->is_numbered = false;
        table->name_width = WG_MAX((uint32_t)sizeof(CORNER), longest + 1) + 1;
        table->cell_width = WG_MAX(WIDE_CELL + more, longest + 1);
        table->is_wide = true;
        room = WG_MAX(table->view->width, table->name_width + 2) - table->name_width - 2;
        if (matrix->count * table->cell_width <= room)
                return;
        table->is_wide = false;
        table->cell_width = WG_MAX(more + 2, longest + 1);
        if (matrix->count * table->cell_width <= room)
                return;
        table->is_numbered = true;
        table->cell_width = NUMBERED_CELL + more;
        table->name_width += 4;
}

/* How many columns are side by side: as few blocks as possible, of equal widths. */
static uint32_t columns_per_block(const struct table *table)
{
        uint32_t margin = table->name_width + 2, width = WG_MAX(table->view->width, margin);
        uint32_t count = WG_MAX(table->matrix->count, (uint32_t)1);
        uint32_t most = WG_MAX((width - margin) / table->cell_width, (uint32_t)1);
        uint32_t blocks = (count + most - 1) / most;

        return (count + blocks - 1) / blocks;
}

static void print_head(const struct table *table)
{
        const struct tl_view *view = table->view;
        char number[16];

        fprintf(view->out, "  %s%-*s%s", colour(view, DIM), (int)table->name_width, CORNER,
                colour(view, PLAIN));
        for (uint32_t i = table->first; i < table->end; i++) {
                snprintf(number, sizeof(number), "%u", i + 1);
                fprintf(view->out, "%s%-*s%s", colour(view, BOLD), (int)table->cell_width,
                        table->is_numbered ? number : name_of(table, i), colour(view, PLAIN));
        }
        fputc('\n', view->out);
}

static void print_row(const struct table *table, uint32_t from)
{
        const struct tl_view *view = table->view;
        const struct tl_matrix *matrix = table->matrix;
        char number[16] = "";

        if (table->is_numbered)
                snprintf(number, sizeof(number), "%3u ", from + 1);
        fprintf(view->out, "  %s%s%-*s%s", number, colour(view, BOLD),
                (int)table->name_width - (int)strlen(number), name_of(table, from),
                colour(view, PLAIN));
        for (uint32_t to = table->first; to < table->end; to++)
                print_cell(view, &matrix->cells[table->family][from * matrix->count + to],
                           table->is_wide, table->cell_width);
        fputc('\n', view->out);
}

static void print_legend(const struct table *table)
{
        const struct tl_view *view = table->view;
        const struct tl_matrix *matrix = table->matrix;
        uint32_t used = 0;

        for (uint32_t i = 0; i < matrix->count * matrix->count; i++)
                used |= looks_of(&matrix->cells[table->family][i]);
        fputc('\n', view->out);
        for (size_t i = 0; i < WG_ARRAY_SIZE(LOOKS); i++)
                if (used & 1u << i)
                        fprintf(view->out, "  %s%s%s %s%s%s\n", colour(view, LOOKS[i].code),
                                symbol(view, LOOKS[i].utf8, LOOKS[i].ascii), colour(view, PLAIN),
                                colour(view, DIM), LOOKS[i].legend, colour(view, PLAIN));
        if (table->is_wide)
                fprintf(view->out, "    %snumbers are round-trip times in milliseconds%s\n",
                        colour(view, DIM), colour(view, PLAIN));
}

/* Lists pairs with one verdict and cause: "b -> d, b -> e and 3 more". Returns how many. */
static uint32_t print_pairs(const struct table *table, enum tl_matrix_verdict verdict,
                            enum tl_cause cause, bool is_counting)
{
        const struct tl_matrix *matrix = table->matrix;
        uint32_t found = 0;

        for (uint32_t i = 0; i < matrix->count * matrix->count; i++) {
                const struct tl_matrix_cell *cell = &matrix->cells[table->family][i];

                if (tl_matrix_judge(cell) != verdict || cell->cause != cause)
                        continue;
                found++;
                if (is_counting || found > PAIRS_SHOWN)
                        continue;
                fprintf(table->view->out, "%s%s -> %s", found > 1 ? ", " : "",
                        name_of(table, i / matrix->count), name_of(table, i % matrix->count));
        }
        if (!is_counting && found > PAIRS_SHOWN)
                fprintf(table->view->out, " and %u more", found - PAIRS_SHOWN);
        return found;
}

/* Says of pairs that cannot work, and of disagreements, what the model knows. */
static void print_reasons(const struct table *table, enum tl_matrix_verdict verdict,
                          const struct look *look)
{
        const struct tl_view *view = table->view;

        WG_ENUM_EACH(cause, &tl_cause_enum) {
                enum tl_cause value = (enum tl_cause)cause->value;

                if (!print_pairs(table, verdict, value, true))
                        continue;
                fprintf(view->out, "  %s%s%s ", colour(view, look->code),
                        symbol(view, look->utf8, look->ascii), colour(view, PLAIN));
                print_pairs(table, verdict, value, false);
                fprintf(view->out, ": %s\n",
                        verdict == TL_MATRIX_MISSING ? tl_matrix_verdict_text(verdict)
                                                     : cause->text);
        }
}

static bool is_different(const struct tl_matrix *matrix)
{
        for (uint32_t i = 0; i < matrix->count * matrix->count; i++) {
                uint32_t v4 = looks_of(&matrix->cells[TL_MATRIX_IPV4][i]);
                uint32_t v6 = looks_of(&matrix->cells[TL_MATRIX_IPV6][i]);

                if (v6 && v6 != v4)
                        return true;
        }
        return false;
}

static uint32_t count_tried(const struct tl_matrix *matrix, int family)
{
        uint32_t count = 0;

        for (uint32_t i = 0; i < matrix->count * matrix->count; i++)
                count += matrix->cells[family][i].probe != NULL;
        return count;
}

static void print_table(struct table *table)
{
        uint32_t count = table->matrix->count, step = columns_per_block(table);

        for (table->first = 0; table->first < count; table->first = table->end) {
                table->end = WG_MIN(table->first + step, count);
                if (table->first)
                        fputc('\n', table->view->out);
                print_head(table);
                for (uint32_t from = 0; from < count; from++)
                        print_row(table, from);
        }
        print_legend(table);
        print_reasons(table, TL_MATRIX_BROKEN, &LOOKS[LOOK_BROKEN]);
        print_reasons(table, TL_MATRIX_MISSING, &LOOKS[LOOK_WRONG]);
        print_reasons(table, TL_MATRIX_SURPRISE, &LOOKS[LOOK_WRONG]);
}

void tl_view_matrix(const struct tl_view *view, const struct tl_matrix *matrix)
{
        struct table table = {.view = view, .matrix = matrix};
        uint32_t tried4 = count_tried(matrix, TL_MATRIX_IPV4);
        uint32_t tried6 = count_tried(matrix, TL_MATRIX_IPV6);

        if (tried4 || !tried6) {
                tl_view_title(view, "Pings");
                measure(&table);
                print_table(&table);
        }
        if (tried6 && tried4 && !is_different(matrix)) {
                fprintf(view->out, "\n  IPv6: the %u pairs that have it do the same.\n", tried6);
        } else if (tried6) {
                tl_view_title(view, "Pings over IPv6");
                table.family = TL_MATRIX_IPV6;
                measure(&table);
                print_table(&table);
        }
}

/* ---- expectations ---- */

static void print_failure(const struct tl_view *view, const struct tl_matrix_test *test,
                          const char *file)
{
        const struct tl_explanation *explanation = test->explanation;
        enum tl_matrix_verdict verdict = tl_matrix_judge(&test->cell);

        if (!test->is_tried) {
                fprintf(view->out, "      %s:%u: not tried: its ends are not machines of the lab\n",
                        file, test->line);
        } else if (verdict == TL_MATRIX_MISSING || verdict == TL_MATRIX_SURPRISE) {
                fprintf(view->out, "      %s%s%s\n", colour(view, RED),
                        tl_matrix_verdict_text(verdict), colour(view, PLAIN));
        } else if (test->is_negated) {
                fprintf(view->out, "      %s:%u: it works, and should not\n", file, test->line);
        } else {
                fprintf(view->out, "      %s:%u: %s\n", file,
                        explanation->at.line ? explanation->at.line : test->line,
                        explanation->message ? explanation->message
                                             : tl_cause_text(explanation->cause));
                if (explanation->fix)
                        fprintf(view->out, "      fix: %s\n", explanation->fix);
        }
}

static void print_test(const struct tl_view *view, const struct tl_matrix_test *test,
                       const char *file)
{
        bool is_met = tl_matrix_is_met(test);
        const struct tl_probe *probe = test->cell.probe;
        char time[8];

        fprintf(view->out, "  %s%s%s %-36s", colour(view, is_met ? GREEN : RED),
                symbol(view, is_met ? "✓" : "✗", is_met ? "+" : "x"), colour(view, PLAIN),
                test->text);
        if (probe && tl_probe_is_reached(probe)) {
                format_ms(time, probe->rtt_us);
                fprintf(view->out, " %s%s ms%s%s", colour(view, DIM), time,
                        probe->outcome == TL_PROBE_REFUSED ? ", refused by the destination" : "",
                        colour(view, PLAIN));
        } else if (probe && is_met) {
                fprintf(view->out, " %sno answer%s", colour(view, DIM), colour(view, PLAIN));
        }
        fputc('\n', view->out);
        if (!is_met)
                print_failure(view, test, file);
}

void tl_view_tests(const struct tl_view *view, const struct tl_matrix *matrix, const char *file)
{
        if (!matrix->test_count)
                return;
        tl_view_title(view, "Expectations");
        for (uint32_t i = 0; i < matrix->test_count; i++)
                print_test(view, &matrix->tests[i], file);
}

void tl_view_summary(const struct tl_view *view, const struct tl_matrix_summary *summary)
{
        uint32_t silent = summary->pairs[TL_MATRIX_FORBIDDEN] + summary->pairs[TL_MATRIX_BROKEN];
        bool is_good = !summary->wrong && summary->met == summary->tests;

        fprintf(view->out, "%s%u pairs work", colour(view, is_good ? GREEN : RED),
                summary->pairs[TL_MATRIX_WORKS] + summary->pairs[TL_MATRIX_SURPRISE]);
        if (silent)
                fprintf(view->out, ", %u do not", silent);
        if (!summary->wrong)
                fputs(", all as the model says", view->out);
        if (summary->tests)
                fprintf(view->out, "; %u of %u expectations %s met", summary->met, summary->tests,
                        summary->tests == 1 ? "is" : "are");
        fprintf(view->out, ".%s\n", colour(view, PLAIN));
        if (summary->wrong)
                fprintf(view->out,
                        "%sIn %u case%s, packets do not do what the model says. One of them is "
                        "wrong: look\nwith `tieline explain' and `tieline lab exec', and please "
                        "report it.%s\n",
                        colour(view, BOLD RED), summary->wrong, summary->wrong == 1 ? "" : "s",
                        colour(view, PLAIN));
        fflush(view->out);
}
