/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/status_view.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

WG_ENUM_DEFINE(tl_status_detail, TL_STATUS_DETAILS)

enum { LABEL_WIDTH = TL_STATUS_LABEL_MAX, NUMBER_WIDTH = 12 };

struct out {
        char *at;
        size_t len;
};

WG_PRINTF(2, 3) static void add(struct out *out, const char *format, ...)
{
        va_list arguments;
        int len;

        va_start(arguments, format);
        len = vsnprintf(out->at + out->len, TL_STATUS_VIEW_MAX - out->len, format, arguments);
        va_end(arguments);
        WG_ASSERT(len >= 0 && (size_t)len < TL_STATUS_VIEW_MAX - out->len);
        out->len += (size_t)len;
}

/* Of a key that is not known, what it looks like counts. */
static bool is_flag(const struct tl_status_fact *fact)
{
        return (!fact->key || fact->key->kind == TL_STATUS_FLAG) &&
               (tl_text_is(fact->value, "true") || tl_text_is(fact->value, "false"));
}

/* ---- for people ---- */

static bool ends_with(struct tl_text text, const char *end)
{
        size_t len = strlen(end);

        return text.len >= len && memcmp(text.at + text.len - len, end, len) == 0;
}

static void add_bytes(struct out *out, uint64_t bytes)
{
        static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
        unsigned int unit = 0;
        uint64_t tenths;

        if (bytes < 1024) {
                add(out, "%" PRIu64 " bytes", bytes);
                return;
        }
        while (unit + 1 < WG_ARRAY_SIZE(units) && bytes >> (10 * (unit + 2)))
                unit++;
        /* Cut, not rounded: 1024 of a unit would look odd. */
        tenths = (bytes >> (10 * unit)) * 10 / 1024;
        add(out, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10, units[unit]);
}

static void add_seconds(struct out *out, uint64_t seconds)
{
        uint64_t days = seconds / 86400, hours = seconds / 3600 % 24, minutes = seconds / 60 % 60;

        if (days)
                add(out, "%" PRIu64 " d ", days);
        if (days || hours)
                add(out, "%" PRIu64 " h ", hours);
        if (days || hours || minutes)
                add(out, "%" PRIu64 " min ", minutes);
        add(out, "%" PRIu64 " s", seconds % 60);
}

static void add_value(struct out *out, const struct tl_status_fact *fact)
{
        if (is_flag(fact))
                add(out, "%s", fact->value.len == 4 ? "yes" : "no");
        else if (fact->is_number && ends_with(fact->name, "_bytes"))
                add_bytes(out, fact->number);
        else if (fact->is_number && ends_with(fact->name, "_s"))
                add_seconds(out, fact->number);
        else if (fact->key == &tl_status_keys[TL_STATUS_FWMARK] && fact->number)
                add(out, "0x%" PRIx64, fact->number);
        else if (fact->key == &tl_status_keys[TL_STATUS_FWMARK])
                add(out, "none");
        else
                add(out, "%.*s", (int)fact->value.len, fact->value.at);
}

static void add_fact(struct out *out, const struct tl_status_fact *fact)
{
        if (fact->key)
                add(out, "  %-*s ", LABEL_WIDTH, fact->key->text);
        else
                add(out, "  %-*.*s ", LABEL_WIDTH, (int)fact->name.len, fact->name.at);
        add_value(out, fact);
        add(out, "\n");
}

static void add_drop(struct out *out, const struct tl_status_fact *fact, struct tl_text name,
                     const struct wg_enum *verdicts)
{
        const struct wg_enum_member *verdict = wg_enum_by_name(verdicts, name.at, name.len);

        add(out, "  %-*.*s %*" PRIu64, LABEL_WIDTH, (int)name.len, name.at,
            verdict ? NUMBER_WIDTH : 0, fact->number);
        add(out, verdict ? "  %s\n" : "%s\n", verdict ? verdict->text : "");
}

static enum tl_status_section section_of(const struct tl_status_fact *fact)
{
        struct tl_text verdict;

        if (tl_status_is_drop(fact, &verdict))
                return TL_STATUS_SECTION_DROPS;
        return fact->key ? fact->key->section : TL_STATUS_SECTION_OTHER;
}

static void add_section(struct out *out, const struct tl_status *status,
                        const struct wg_enum_member *section, const struct wg_enum *verdicts,
                        enum tl_status_detail detail)
{
        bool has_head = false, has_lines = false;

        for (size_t i = 0; i < status->count; i++) {
                const struct tl_status_fact *fact = &status->facts[i];
                struct tl_text verdict;

                if ((uint32_t)section_of(fact) != section->value)
                        continue;
                if (!has_head)
                        add(out, "%s%s\n", out->len ? "\n" : "", section->text);
                has_head = true;
                if (!tl_status_is_drop(fact, &verdict))
                        add_fact(out, fact);
                else if (fact->number || detail == TL_STATUS_DETAIL_ALL)
                        add_drop(out, fact, verdict, verdicts);
                else
                        continue;
                has_lines = true;
        }
        if (has_head && !has_lines)
                add(out, "  none\n");
}

size_t tl_status_for_people(const struct tl_status *status, const struct wg_enum *verdicts,
                            enum tl_status_detail detail, char buffer[TL_STATUS_VIEW_MAX])
{
        struct out out = {.at = buffer};

        buffer[0] = '\0';
        WG_ENUM_EACH(section, &tl_status_section_enum)
                add_section(&out, status, section, verdicts, detail);
        return out.len;
}

/* ---- JSON ---- */

/* All bytes are printable: two of them need a backslash. */
static void add_string(struct out *out, struct tl_text text)
{
        add(out, "\"");
        for (size_t i = 0; i < text.len; i++)
                add(out, text.at[i] == '"' || text.at[i] == '\\' ? "\\%c" : "%c", text.at[i]);
        add(out, "\"");
}

size_t tl_status_as_json(const struct tl_status *status, char buffer[TL_STATUS_VIEW_MAX])
{
        struct out out = {.at = buffer};

        add(&out, "{");
        for (size_t i = 0; i < status->count; i++) {
                const struct tl_status_fact *fact = &status->facts[i];

                add(&out, i ? ",\n  " : "\n  ");
                add_string(&out, fact->name);
                add(&out, ": ");
                if (fact->is_number || is_flag(fact))
                        add(&out, "%.*s", (int)fact->value.len, fact->value.at);
                else
                        add_string(&out, fact->value);
        }
        add(&out, status->count ? "\n}\n" : "}\n");
        return out.len;
}
