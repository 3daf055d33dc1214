/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/findings.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

WG_ENUM_DEFINE(tl_finding_level, TL_FINDING_LEVELS)

WG_PRINTF(1, 0) static char *format_text(const char *format, va_list arguments)
{
        va_list again;
        char *text = NULL;
        int len;

        va_copy(again, arguments);
        len = vsnprintf(NULL, 0, format, arguments);
        if (len >= 0)
                text = malloc((size_t)len + 1);
        if (text)
                (void)vsnprintf(text, (size_t)len + 1, format, again);
        va_end(again);
        return text;
}

static char *copy_text(const char *text)
{
        size_t size = strlen(text) + 1;
        char *copy = malloc(size);

        return copy ? memcpy(copy, text, size) : NULL;
}

static bool make_room(struct tl_findings *findings)
{
        uint32_t wanted = findings->capacity ? 2 * findings->capacity : 8;
        struct tl_finding *larger;

        if (findings->count < findings->capacity)
                return true;
        larger = wanted > findings->capacity ? calloc(wanted, sizeof(*larger)) : NULL;
        if (!larger)
                return false;
        if (findings->count)
                memcpy(larger, findings->items, findings->count * sizeof(*larger));
        free(findings->items);
        findings->items = larger;
        findings->capacity = wanted;
        return true;
}

/* Takes the message. */
static void add(struct tl_findings *findings, struct tl_finding finding, const char *fix)
{
        if (fix && finding.message)
                finding.fix = copy_text(fix);
        if (!finding.message || (fix && !finding.fix) || !make_room(findings)) {
                free(finding.message);
                free(finding.fix);
                findings->has_lost_some = true;
                return;
        }
        finding.order = findings->count;
        findings->items[findings->count++] = finding;
        findings->errors += finding.level == TL_FINDING_ERROR;
}

void tl_findings_add(struct tl_findings *findings, enum tl_finding_level level, struct tl_place at,
                     const struct tl_place *other, const char *fix, const char *format, ...)
{
        struct tl_finding finding = {.level = level, .at = at};
        va_list arguments;

        if (other)
                finding.other = *other;
        va_start(arguments, format);
        finding.message = format_text(format, arguments);
        va_end(arguments);
        add(findings, finding, fix);
}

void tl_findings_error(struct tl_findings *findings, struct tl_place at, const char *fix,
                       const char *format, ...)
{
        struct tl_finding finding = {.level = TL_FINDING_ERROR, .at = at};
        va_list arguments;

        va_start(arguments, format);
        finding.message = format_text(format, arguments);
        va_end(arguments);
        add(findings, finding, fix);
}

bool tl_findings_has_errors(const struct tl_findings *findings)
{
        return findings->errors > 0 || findings->has_lost_some;
}

static int compare(const void *left, const void *right)
{
        const struct tl_finding *a = left, *b = right;

        if (a->at.line != b->at.line)
                return a->at.line < b->at.line ? -1 : 1;
        if (a->at.column != b->at.column)
                return a->at.column < b->at.column ? -1 : 1;
        return (a->order > b->order) - (a->order < b->order);
}

void tl_findings_sort(struct tl_findings *findings)
{
        if (findings->count > 1)
                qsort(findings->items, findings->count, sizeof(*findings->items), compare);
}

static void write_place(const char *file, struct tl_place at, FILE *out)
{
        fputs(file, out);
        if (at.line)
                fprintf(out, ":%" PRIu32 ":%" PRIu32, at.line, at.column);
        fputs(": ", out);
}

void tl_findings_write(const struct tl_findings *findings, const char *file, FILE *out)
{
        for (uint32_t i = 0; i < findings->count; i++) {
                const struct tl_finding *f = &findings->items[i];

                write_place(file, f->at, out);
                if (f->level == TL_FINDING_WARNING)
                        fputs("warning: ", out);
                fputs(f->message, out);
                if (f->other.line)
                        fprintf(out, " (see line %" PRIu32 ")", f->other.line);
                if (f->fix)
                        fprintf(out, ": %s", f->fix);
                fputc('\n', out);
        }
        if (findings->has_lost_some) {
                write_place(file, (struct tl_place){0, 0}, out);
                fputs("memory ran out, so some findings are missing\n", out);
        }
}

void tl_findings_done(struct tl_findings *findings)
{
        for (uint32_t i = 0; i < findings->count; i++) {
                free(findings->items[i].message);
                free(findings->items[i].fix);
        }
        free(findings->items);
        *findings = (struct tl_findings){0};
}
