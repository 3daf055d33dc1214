/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/pen.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { LEAST_WIDTH = 60 };

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

struct tl_pen tl_pen_of_stdout(void)
{
        const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
        struct tl_pen pen = {.out = stdout, .is_utf8 = has_utf8_locale()};
        struct winsize size;

        if (!isatty(STDOUT_FILENO))
                return pen;
        pen.has_colours = !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= LEAST_WIDTH)
                pen.width = size.ws_col;
        return pen;
}

static const char *const styles[] = {
        [TL_PEN_PLAIN] = "",          [TL_PEN_BOLD] = "\033[1m",   [TL_PEN_DIM] = "\033[2m",
        [TL_PEN_GOOD] = "\033[1;32m", [TL_PEN_BAD] = "\033[1;31m",
};

void tl_pen_begin(const struct tl_pen *pen, enum tl_pen_style style)
{
        if (pen->has_colours)
                fputs(styles[style], pen->out);
}

void tl_pen_end(const struct tl_pen *pen, enum tl_pen_style style)
{
        if (pen->has_colours && style != TL_PEN_PLAIN)
                fputs("\033[0m", pen->out);
}

void tl_pen_put(const struct tl_pen *pen, enum tl_pen_style style, const char *text)
{
        tl_pen_begin(pen, style);
        fputs(text, pen->out);
        tl_pen_end(pen, style);
}

void tl_pen_spaces(const struct tl_pen *pen, unsigned int count)
{
        fprintf(pen->out, "%*s", (int)count, "");
}

/* ---- paragraphs ---- */

unsigned int tl_pen_put_words(const struct tl_pen *pen, enum tl_pen_style style, const char *text,
                              unsigned int column, unsigned int indent)
{
        unsigned int gap = 0; /* spaces before the next word */

        tl_pen_begin(pen, style);
        while (*text) {
                unsigned int len = (unsigned int)strcspn(text, " ");

                if (pen->width && column > indent && column + gap + len > pen->width) {
                        fprintf(pen->out, "\n%*s", (int)indent, "");
                        column = indent;
                        gap = 0;
                }
                fprintf(pen->out, "%*s%.*s", (int)gap, "", (int)len, text);
                column += gap + len;
                text += len;
                gap = (unsigned int)strspn(text, " ");
                text += gap;
        }
        tl_pen_end(pen, style);
        return column;
}
