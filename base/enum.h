/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * enum.h - enums with names and texts, each generated from one list.
 *
 * A list is a macro with one row per member:
 *
 *         #define WG_COLOURS(X)                              \
 *                 X(WG_COLOUR_RED, 1, red, "like a rose")    \
 *                 X(WG_COLOUR_BLUE, 2, blue, "like the sky")
 *         WG_ENUM_DECLARE(wg_colour, WG_COLOURS)     in the header
 *         WG_ENUM_DEFINE(wg_colour, WG_COLOURS)      in one source file
 *
 * makes `enum wg_colour`, the table `wg_colour_enum`, WG_ENUM_COUNT(wg_colour), and
 * wg_colour_name(value) / wg_colour_text(value). Two members with the same value or name do not
 * compile. Nor does a switch that lacks a member, since the tree is built with -Werror=switch-enum:
 * a new member must be handled everywhere.
 *
 * WG_FLAGS_DECLARE and WG_FLAGS_DEFINE do the same for sets of bits, which are kept in a uint32_t;
 * each value must be a single bit.
 *
 * Threads: tables are constant; all functions are pure. */
#ifndef BASE_ENUM_H
#define BASE_ENUM_H

#include "base/attr.h"
#include "base/std.h"

struct wg_enum_member {
        uint32_t value;
        const char *name; /* as in the list, for machines: counters, logs, key=value */
        const char *text; /* for people */
};

struct wg_enum {
        const char *name; /* of the C type, without `enum` */
        const struct wg_enum_member *members;
        size_t count;
};

/* The member with that value or name, or NULL. The name has len bytes and need not be
 * terminated. */
const struct wg_enum_member *wg_enum_by_value(const struct wg_enum *e, uint32_t value);
const struct wg_enum_member *wg_enum_by_name(const struct wg_enum *e, const char *name, size_t len);

/* The name or text of a value, or "unknown"; never NULL. */
const char *wg_enum_name(const struct wg_enum *e, uint32_t value);
const char *wg_enum_text(const struct wg_enum *e, uint32_t value);

/* Visits each member in the order of the list. */
#define WG_ENUM_EACH(member, e) \
        for (const struct wg_enum_member *member = (e)->members; \
             member < (e)->members + (e)->count; member++)

/* Writes the names of the set bits in list order, then any unknown bits as one hexadecimal number,
 * all joined by '|'. An empty set is "0". Always terminates if size > 0. Returns the length of the
 * whole text, which is size or more if it was truncated. */
size_t wg_flags_format(const struct wg_enum *e, uint32_t set, char *out, size_t size);

/* Reads the output of wg_flags_format(), names in any order. Returns false and changes nothing if a
 * name is unknown or empty, or a number is malformed. */
bool wg_flags_parse(const struct wg_enum *e, const char *text, size_t len,
                    uint32_t *set) WG_MUST_USE;

#define WG_ENUM_CONSTANT_(constant, value, name, text) constant = (value),
#define WG_ENUM_ROW_(constant, value, name, text) {(value), #name, text},
#define WG_ENUM_CASE_(constant, value, name, text) case (value):
#define WG_ENUM_FIELD_(constant, value, name, text) char name;
#define WG_ENUM_ONE_(constant, value, name, text) +1
#define WG_ENUM_BIT_(constant, value, name, text) \
        _Static_assert((value) != 0 && ((value) & ((value)-1)) == 0, \
                       #constant " must be a single bit");

#define WG_ENUM_COUNT(type) ((size_t)type##_count_)

#define WG_ENUM_DECLARE(type, LIST) \
        enum type { LIST(WG_ENUM_CONSTANT_) }; \
        enum { type##_count_ = 0 LIST(WG_ENUM_ONE_) }; \
        extern const struct wg_enum type##_enum; \
        static inline WG_UNUSED const char *type##_name(enum type value) \
        { \
                return wg_enum_name(&type##_enum, (uint32_t)value); \
        } \
        static inline WG_UNUSED const char *type##_text(enum type value) \
        { \
                return wg_enum_text(&type##_enum, (uint32_t)value); \
        }

/* The switch does not compile if two members have the same value, the struct if two have the same
 * name. */
#define WG_ENUM_DEFINE(type, LIST) \
        static inline WG_UNUSED void type##_values_are_unique_(uint32_t value) \
        { \
                switch (value) { \
                        LIST(WG_ENUM_CASE_) \
                default: \
                        break; \
                } \
        } \
        struct type##_names_are_unique_ { \
                LIST(WG_ENUM_FIELD_) \
        }; \
        static const struct wg_enum_member type##_members_[] = {LIST(WG_ENUM_ROW_)}; \
        const struct wg_enum type##_enum = { \
                .name = #type, \
                .members = type##_members_, \
                .count = WG_ARRAY_SIZE(type##_members_), \
        };

#define WG_FLAGS_DECLARE(type, LIST) WG_ENUM_DECLARE(type, LIST)
#define WG_FLAGS_DEFINE(type, LIST) LIST(WG_ENUM_BIT_) WG_ENUM_DEFINE(type, LIST)

#endif
