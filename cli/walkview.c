/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/walkview.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "conf/address.h"

enum { LEAST_WIDTH = 60, INDENT = 2, GAP = 2, LABEL = 6 };

/* ---- what the terminal can show ---- */

/* As in locale(7): the first one that is set counts. */
static bool has_utf8_locale(void)
{
        static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
                const char *value = getenv(names[i]);

                if (value && *value)
                        return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
        }
        return false;
}

struct tl_walkview tl_walkview_of_stdout(const char *file)
{
        const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
        struct tl_walkview view = {.out = stdout, .file = file, .is_utf8 = has_utf8_locale()};
        struct winsize size;

        if (!isatty(STDOUT_FILENO))
                return view;
        view.has_colours = !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= LEAST_WIDTH)
                view.width = size.ws_col;
        return view;
}

enum style { PLAIN, BOLD, DIM, GOOD, BAD };

static const char *const styles[] = {
        [PLAIN] = "",          [BOLD] = "\033[1m",   [DIM] = "\033[2m",
        [GOOD] = "\033[1;32m", [BAD] = "\033[1;31m",
};

static void begin(const struct tl_walkview *view, enum style style)
{
        if (view->has_colours)
                fputs(styles[style], view->out);
}

static void end(const struct tl_walkview *view, enum style style)
{
        if (view->has_colours && style != PLAIN)
                fputs("\033[0m", view->out);
}

static void put(const struct tl_walkview *view, enum style style, const char *text)
{
        begin(view, style);
        fputs(text, view->out);
        end(view, style);
}

static void spaces(const struct tl_walkview *view, unsigned int count)
{
        fprintf(view->out, "%*s", (int)count, "");
}

/* ---- paragraphs ---- */

/* Prints the words of a text from column `column` on; further lines begin at `indent`. Returns the
 * column after it. */
static unsigned int put_words(const struct tl_walkview *view, enum style style, const char *text,
                              unsigned int column, unsigned int indent)
{
        unsigned int gap = 0; /* spaces before the next word */

        begin(view, style);
        while (*text) {
                unsigned int len = (unsigned int)strcspn(text, " ");

                if (view->width && column > indent && column + gap + len > view->width) {
                        fprintf(view->out, "\n%*s", (int)indent, "");
                        column = indent;
                        gap = 0;
                }
                fprintf(view->out, "%*s%.*s", (int)gap, "", (int)len, text);
                column += gap + len;
                text += len;
                gap = (unsigned int)strspn(text, " ");
                text += gap;
        }
        end(view, style);
        return column;
}

/* "[line 7]" after a text that ends in this column. */
static void put_line(const struct tl_walkview *view, uint32_t line, unsigned int column,
                     unsigned int indent)
{
        char text[24];
        int len = snprintf(text, sizeof(text), "[line %" PRIu32 "]", line);

        if (view->width && column + GAP + (unsigned int)len > view->width)
                fprintf(view->out, "\n%*s", (int)indent, "");
        else
                spaces(view, GAP);
        put(view, DIM, text);
}

/* "fix: ...", with the label in bold. */
static void put_labelled(const struct tl_walkview *view, const char *label, const char *text)
{
        unsigned int indent = INDENT + 2 + LABEL;

        spaces(view, INDENT + 2);
        put(view, BOLD, label);
        fputc(':', view->out);
        spaces(view, LABEL - 1 - (unsigned int)strlen(label));
        put_words(view, PLAIN, text, indent, indent);
        fputc('\n', view->out);
}

/* ---- the walk ---- */

static const char *mark(const struct tl_walkview *view, const struct tl_hop *hop)
{
        if (hop->is_broken)
                return view->is_utf8 ? "✗" : "X";
        if (hop->is_return)
                return view->is_utf8 ? "←" : "<";
        return view->is_utf8 ? "→" : ">";
}

static unsigned int widest(const struct tl_explanation *explanation)
{
        unsigned int width = 0;

        for (uint32_t i = 0; i < explanation->hop_count; i++) {
                unsigned int len = (unsigned int)strlen(explanation->hops[i].where);

                width = len > width ? len : width;
        }
        return width;
}

/* A name is not repeated while the same machine acts. */
static bool is_same_machine(const struct tl_hop *hop, const struct tl_hop *before)
{
        return before && before->is_return == hop->is_return &&
               strcmp(before->where, hop->where) == 0;
}

static void put_hop(const struct tl_walkview *view, const struct tl_hop *hop,
                    const struct tl_hop *before, unsigned int names)
{
        unsigned int indent = INDENT + 2 + names + GAP, column;
        bool is_same = is_same_machine(hop, before) && !hop->is_broken;

        spaces(view, INDENT);
        if (is_same) {
                spaces(view, 2 + names + GAP);
        } else {
                put(view, hop->is_broken ? BAD : DIM, mark(view, hop));
                fputc(' ', view->out);
                put(view, hop->is_broken ? BAD : BOLD, hop->where);
                spaces(view, names - (unsigned int)strlen(hop->where) + GAP);
        }
        column = put_words(view, hop->is_broken ? BAD : PLAIN, hop->text, indent, indent);
        if (hop->at.line)
                put_line(view, hop->at.line, column, indent);
        fputc('\n', view->out);
}

static void put_walk(const struct tl_walkview *view, const struct tl_explanation *explanation)
{
        unsigned int names = widest(explanation);
        const struct tl_hop *before = NULL;

        for (uint32_t i = 0; i < explanation->hop_count; i++) {
                const struct tl_hop *hop = &explanation->hops[i];

                if (before && hop->is_return != before->is_return)
                        fputc('\n', view->out);
                put_hop(view, hop, before, names);
                before = hop;
        }
        if (explanation->hop_count)
                fputc('\n', view->out);
}

/* ---- around the walk ---- */

static void put_address(const struct tl_walkview *view, const char *name, const struct wg_ip *ip)
{
        char text[TL_ADDRESS_IP_SIZE];

        put(view, BOLD, name);
        if (ip->family == WG_FAMILY_NONE)
                return;
        tl_address_format_ip(text, ip);
        if (strcmp(text, name) != 0)
                fprintf(view->out, " (%s)", text);
}

/* b (192.168.201.55) -> d (192.168.200.244), 443/tcp */
static void put_title(const struct tl_walkview *view, const struct tl_explanation *explanation)
{
        put_address(view, explanation->from_name, &explanation->from);
        fputs(view->is_utf8 ? " → " : " -> ", view->out);
        put_address(view, explanation->to_name, &explanation->to);
        if (explanation->protocol == WG_PROTOCOL_ICMP)
                fputs(", ping\n", view->out);
        else
                fprintf(view->out, ", %u/%s\n", (unsigned int)explanation->port,
                        explanation->protocol == WG_PROTOCOL_TCP ? "tcp" : "udp");
        for (int i = 0; i < 2; i++) {
                if (!explanation->note[i])
                        continue;
                spaces(view, INDENT);
                put(view, DIM, explanation->note[i]);
                fputc('\n', view->out);
        }
        fputc('\n', view->out);
}

static void put_verdict(const struct tl_walkview *view, const struct tl_explanation *explanation)
{
        enum style style = explanation->is_reachable ? GOOD : BAD;

        spaces(view, INDENT);
        if (view->is_utf8)
                put(view, style, explanation->is_reachable ? "✓ " : "✗ ");
        if (explanation->is_reachable) {
                put_words(view, style, explanation->message, INDENT + 2, INDENT + 2);
                fputc('\n', view->out);
                return;
        }
        begin(view, style);
        fprintf(view->out, "%s does not reach %s", explanation->from_name, explanation->to_name);
        end(view, style);
        fputs(":\n", view->out);
        put_labelled(view, "why", explanation->message);
}

static void put_places(const struct tl_walkview *view, const struct tl_explanation *explanation)
{
        char text[512];

        if (!explanation->is_reachable && explanation->at.line) {
                snprintf(text, sizeof(text), "%s:%" PRIu32 ":%" PRIu32, view->file,
                         explanation->at.line, explanation->at.column);
                put_labelled(view, "see", text);
        }
        for (uint32_t i = 0; i < explanation->near_count; i++) {
                snprintf(text, sizeof(text), "line %" PRIu32 " %s", explanation->near[i].at.line,
                         explanation->near[i].text);
                put_labelled(view, "near", text);
        }
        if (explanation->fix)
                put_labelled(view, "fix", explanation->fix);
        if (explanation->is_reachable && explanation->mtu) {
                snprintf(text, sizeof(text), "packets of up to %" PRIu32 " bytes",
                         explanation->mtu);
                put_labelled(view, "mtu", text);
        }
}

void tl_walkview_print(const struct tl_walkview *view, const struct tl_explanation *explanation)
{
        put_title(view, explanation);
        put_walk(view, explanation);
        put_verdict(view, explanation);
        put_places(view, explanation);
}
