/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/walkview.h"

#include <inttypes.h>
#include <string.h>

#include "conf/address.h"

enum { INDENT = 2, GAP = 2, LABEL = 6 };

/* "[line 7]" after a text that ends in this column. */
static void put_line(const struct tl_pen *pen, uint32_t line, unsigned int column,
                     unsigned int indent)
{
        char text[24];
        int len = snprintf(text, sizeof(text), "[line %" PRIu32 "]", line);

        if (pen->width && column + GAP + (unsigned int)len > pen->width)
                fprintf(pen->out, "\n%*s", (int)indent, "");
        else
                tl_pen_spaces(pen, GAP);
        tl_pen_put(pen, TL_PEN_DIM, text);
}

/* "fix: ...", with the label in bold. */
static void put_labelled(const struct tl_pen *pen, const char *label, const char *text)
{
        unsigned int indent = INDENT + 2 + LABEL;

        tl_pen_spaces(pen, INDENT + 2);
        tl_pen_put(pen, TL_PEN_BOLD, label);
        fputc(':', pen->out);
        tl_pen_spaces(pen, LABEL - 1 - (unsigned int)strlen(label));
        tl_pen_put_words(pen, TL_PEN_PLAIN, text, indent, indent);
        fputc('\n', pen->out);
}

/* ---- the walk ---- */

static const char *mark(const struct tl_pen *pen, const struct tl_hop *hop)
{
        if (hop->is_broken)
                return pen->is_utf8 ? "✗" : "X";
        if (hop->is_return)
                return pen->is_utf8 ? "←" : "<";
        return pen->is_utf8 ? "→" : ">";
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

static void put_hop(const struct tl_pen *pen, const struct tl_hop *hop, const struct tl_hop *before,
                    unsigned int names)
{
        unsigned int indent = INDENT + 2 + names + GAP, column;
        bool is_same = is_same_machine(hop, before) && !hop->is_broken;

        tl_pen_spaces(pen, INDENT);
        if (is_same) {
                tl_pen_spaces(pen, 2 + names + GAP);
        } else {
                tl_pen_put(pen, hop->is_broken ? TL_PEN_BAD : TL_PEN_DIM, mark(pen, hop));
                fputc(' ', pen->out);
                tl_pen_put(pen, hop->is_broken ? TL_PEN_BAD : TL_PEN_BOLD, hop->where);
                tl_pen_spaces(pen, names - (unsigned int)strlen(hop->where) + GAP);
        }
        column = tl_pen_put_words(pen, hop->is_broken ? TL_PEN_BAD : TL_PEN_PLAIN, hop->text,
                                  indent, indent);
        if (hop->at.line)
                put_line(pen, hop->at.line, column, indent);
        fputc('\n', pen->out);
}

static void put_walk(const struct tl_pen *pen, const struct tl_explanation *explanation)
{
        unsigned int names = widest(explanation);
        const struct tl_hop *before = NULL;

        for (uint32_t i = 0; i < explanation->hop_count; i++) {
                const struct tl_hop *hop = &explanation->hops[i];

                if (before && hop->is_return != before->is_return)
                        fputc('\n', pen->out);
                put_hop(pen, hop, before, names);
                before = hop;
        }
        if (explanation->hop_count)
                fputc('\n', pen->out);
}

/* ---- around the walk ---- */

static void put_address(const struct tl_pen *pen, const char *name, const struct wg_ip *ip)
{
        char text[TL_ADDRESS_IP_SIZE];

        tl_pen_put(pen, TL_PEN_BOLD, name);
        if (ip->family == WG_FAMILY_NONE)
                return;
        tl_address_format_ip(text, ip);
        if (strcmp(text, name) != 0)
                fprintf(pen->out, " (%s)", text);
}

static void put_note(const struct tl_pen *pen, const char *note)
{
        if (!note)
                return;
        tl_pen_spaces(pen, INDENT);
        tl_pen_put_words(pen, TL_PEN_DIM, note, INDENT, INDENT);
        fputc('\n', pen->out);
}

/* b (192.168.201.55) -> d (192.168.200.244), 443/tcp */
static void put_title(const struct tl_pen *pen, const struct tl_explanation *explanation)
{
        put_address(pen, explanation->from_name, &explanation->from);
        fputs(pen->is_utf8 ? " → " : " -> ", pen->out);
        put_address(pen, explanation->to_name, &explanation->to);
        if (explanation->protocol == WG_PROTOCOL_ICMP)
                fputs(", ping\n", pen->out);
        else
                fprintf(pen->out, ", %u/%s\n", (unsigned int)explanation->port,
                        explanation->protocol == WG_PROTOCOL_TCP ? "tcp" : "udp");
        put_note(pen, explanation->note[0]);
        put_note(pen, explanation->note[1]);
        put_note(pen, explanation->why);
        fputc('\n', pen->out);
}

static void put_verdict(const struct tl_pen *pen, const struct tl_explanation *explanation)
{
        enum tl_pen_style style = explanation->is_reachable ? TL_PEN_GOOD : TL_PEN_BAD;

        tl_pen_spaces(pen, INDENT);
        if (pen->is_utf8)
                tl_pen_put(pen, style, explanation->is_reachable ? "✓ " : "✗ ");
        if (explanation->is_reachable) {
                tl_pen_put_words(pen, style, explanation->message, INDENT + 2, INDENT + 2);
                fputc('\n', pen->out);
                return;
        }
        tl_pen_begin(pen, style);
        fprintf(pen->out, "%s does not reach %s", explanation->from_name, explanation->to_name);
        tl_pen_end(pen, style);
        fputs(":\n", pen->out);
        put_labelled(pen, "why", explanation->message);
}

static void put_places(const struct tl_pen *pen, const char *file,
                       const struct tl_explanation *explanation)
{
        char text[512];

        if (!explanation->is_reachable && explanation->at.line) {
                snprintf(text, sizeof(text), "%s:%" PRIu32 ":%" PRIu32, file, explanation->at.line,
                         explanation->at.column);
                put_labelled(pen, "see", text);
        }
        for (uint32_t i = 0; i < explanation->near_count; i++) {
                snprintf(text, sizeof(text), "line %" PRIu32 " %s", explanation->near[i].at.line,
                         explanation->near[i].text);
                put_labelled(pen, "near", text);
        }
        if (explanation->fix)
                put_labelled(pen, "fix", explanation->fix);
        if (explanation->is_reachable && explanation->mtu) {
                snprintf(text, sizeof(text), "packets of up to %" PRIu32 " bytes",
                         explanation->mtu);
                put_labelled(pen, "mtu", text);
        }
}

void tl_walkview_print(const struct tl_pen *pen, const char *file,
                       const struct tl_explanation *explanation)
{
        put_title(pen, explanation);
        put_walk(pen, explanation);
        put_verdict(pen, explanation);
        put_places(pen, file, explanation);
}
