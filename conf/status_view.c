/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/status_view.h"

#include <inttypes.h>
#include <string.h>

#include "conf/keyvalue.h"

WG_ENUM_DEFINE(tl_status_detail, TL_STATUS_DETAILS)

enum { LABEL_WIDTH = TL_STATUS_LABEL_MAX, NUMBER_WIDTH = 12 };

/* An unknown key is a flag if it looks like one. */
static bool is_flag(const struct tl_status_fact *fact)
{
        return (!fact->key || fact->key->kind == TL_STATUS_FLAG) &&
               tl_keyvalue_is_flag(fact->value);
}

/* ---- for people ---- */

static bool ends_with(struct tl_text text, const char *end)
{
        size_t len = strlen(end);

        return text.len >= len && memcmp(text.at + text.len - len, end, len) == 0;
}

static void add_bytes(struct tl_writer *out, uint64_t bytes)
{
        static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
        unsigned int unit = 0;
        uint64_t tenths;

        if (bytes < 1024) {
                tl_writer_add(out, "%" PRIu64 " bytes", bytes);
                return;
        }
        while (unit + 1 < WG_ARRAY_SIZE(units) && bytes >> (10 * (unit + 2)))
                unit++;
        /* Truncated, because rounding could print 1024.0 of a unit. */
        tenths = (bytes >> (10 * unit)) * 10 / 1024;
        tl_writer_add(out, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10, units[unit]);
}

static void add_seconds(struct tl_writer *out, uint64_t seconds)
{
        uint64_t days = seconds / 86400, hours = seconds / 3600 % 24, minutes = seconds / 60 % 60;

        if (days)
                tl_writer_add(out, "%" PRIu64 " d ", days);
        if (days || hours)
                tl_writer_add(out, "%" PRIu64 " h ", hours);
        if (days || hours || minutes)
                tl_writer_add(out, "%" PRIu64 " min ", minutes);
        tl_writer_add(out, "%" PRIu64 " s", seconds % 60);
}

static void add_value(struct tl_writer *out, const struct tl_status_fact *fact)
{
        if (is_flag(fact))
                tl_writer_add(out, "%s", fact->value.len == 4 ? "yes" : "no");
        else if (fact->is_number && ends_with(fact->name, "_bytes"))
                add_bytes(out, fact->number);
        else if (fact->is_number && ends_with(fact->name, "_s"))
                add_seconds(out, fact->number);
        else if (fact->key == &tl_status_keys[TL_STATUS_FWMARK] && fact->number)
                tl_writer_add(out, "0x%" PRIx64, fact->number);
        else if (fact->key == &tl_status_keys[TL_STATUS_FWMARK])
                tl_writer_add(out, "none");
        else
                tl_writer_add(out, "%.*s", (int)fact->value.len, fact->value.at);
}

static void add_fact(struct tl_writer *out, const struct tl_status_fact *fact)
{
        if (fact->key)
                tl_writer_add(out, "  %-*s ", LABEL_WIDTH, fact->key->text);
        else
                tl_writer_add(out, "  %-*.*s ", LABEL_WIDTH, (int)fact->name.len, fact->name.at);
        add_value(out, fact);
        tl_writer_add(out, "\n");
}

static void add_drop(struct tl_writer *out, const struct tl_status_fact *fact, struct tl_text name,
                     const struct wg_enum *verdicts)
{
        const struct wg_enum_member *verdict = wg_enum_by_name(verdicts, name.at, name.len);

        tl_writer_add(out, "  %-*.*s %*" PRIu64, LABEL_WIDTH, (int)name.len, name.at,
                      verdict ? NUMBER_WIDTH : 0, fact->number);
        tl_writer_add(out, verdict ? "  %s\n" : "%s\n", verdict ? verdict->text : "");
}

static enum tl_status_section section_of(const struct tl_status_fact *fact)
{
        struct tl_text verdict;

        if (tl_status_is_drop(fact, &verdict))
                return TL_STATUS_SECTION_DROPS;
        return fact->key ? fact->key->section : TL_STATUS_SECTION_OTHER;
}

static void add_section(struct tl_writer *out, const struct tl_status *status,
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
                        tl_writer_add(out, "%s%s\n", out->len ? "\n" : "", section->text);
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
                tl_writer_add(out, "  none\n");
}

size_t tl_status_for_people(const struct tl_status *status, const struct wg_enum *verdicts,
                            enum tl_status_detail detail, char buffer[TL_STATUS_VIEW_MAX])
{
        struct tl_writer out;

        tl_writer_init(&out, buffer, TL_STATUS_VIEW_MAX);
        WG_ENUM_EACH(section, &tl_status_section_enum)
                add_section(&out, status, section, verdicts, detail);
        WG_ASSERT(!out.is_cut);
        return out.len;
}

/* ---- JSON ---- */

size_t tl_status_as_json(const struct tl_status *status, char buffer[TL_STATUS_VIEW_MAX])
{
        struct tl_writer out;

        tl_writer_init(&out, buffer, TL_STATUS_VIEW_MAX);
        tl_writer_add(&out, "{");
        for (size_t i = 0; i < status->count; i++) {
                const struct tl_status_fact *fact = &status->facts[i];
                const struct tl_keyvalue pair = {fact->name, fact->value};

                tl_writer_add(&out, i ? ",\n  " : "\n  ");
                tl_keyvalue_json(&out, &pair, fact->is_number || is_flag(fact));
        }
        tl_writer_add(&out, status->count ? "\n}\n" : "}\n");
        WG_ASSERT(!out.is_cut);
        return out.len;
}
