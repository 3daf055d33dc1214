/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * yamltree.h - the part of YAML that configuration files need, as a tree in which each node has its
 * place.
 *
 * Mappings whose keys are scalars, sequences and scalars; at most TL_YAML_DEPTH_MAX deep, in one
 * document of at most TL_YAML_SIZE_MAX bytes of UTF-8. Duplicate keys, anchors, aliases and tags
 * are mistakes. After a syntax error, reading resumes at the next line that can be a key of the
 * outermost mapping, so that the rest of the file is checked, too.
 * Source: YAML 1.1 (libyaml). Threads: one owner at a time; constant once read. */
#ifndef CONF_YAMLTREE_H
#define CONF_YAMLTREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"
#include "conf/arena.h"
#include "conf/findings.h"
#include "conf/text.h"

enum {
        TL_YAML_DEPTH_MAX = 16,
        TL_YAML_SIZE_MAX = 16 * 1024 * 1024,
};

#define TL_YAML_KINDS(X) \
        X(TL_YAML_SCALAR, 0, scalar, "a single value") \
        X(TL_YAML_SEQUENCE, 1, sequence, "a list") \
        X(TL_YAML_MAPPING, 2, mapping, "a group of keys") \
        X(TL_YAML_WRONG, 3, wrong, "something whose mistake has been reported")
WG_ENUM_DECLARE(tl_yaml_kind, TL_YAML_KINDS)

struct tl_yaml_node {
        enum tl_yaml_kind kind;
        struct tl_place at;
        bool is_plain;    /* a scalar without quotes, which may mean a number, true or null */
        bool is_one_line; /* a plain scalar whose text is in the file as it is here */
        const char *text; /* of a scalar, terminated; a quoted one may contain NUL bytes */
        size_t len;
        const struct tl_yaml_node *key;           /* in a mapping: a scalar; otherwise NULL */
        struct tl_yaml_node *first, *last, *next; /* children, in order; the next sibling */
        uint32_t count;                           /* of children */
};

/* Reads a text. Mistakes are added to the findings. Returns the outermost node, in the arena; NULL
 * if there is none. *is_whole says whether the tree has everything that the text has: if not, keys
 * may be missing from it. */
const struct tl_yaml_node *tl_yaml_parse(struct tl_arena *arena, const char *text, size_t len,
                                         bool *is_whole, struct tl_findings *findings) WG_MUST_USE;

/* The text of a scalar. */
static inline struct tl_text tl_yaml_text(const struct tl_yaml_node *scalar)
{
        return (struct tl_text){scalar->text, scalar->len};
}

/* Whether a node has no value: nothing, "~" or "null", without quotes. */
bool tl_yaml_is_null(const struct tl_yaml_node *node) WG_MUST_USE;

/* Whether a scalar without quotes is a truth value (true, True, TRUE, false...) in YAML 1.2, as
 * editors read it. If so, *value has it. */
bool tl_yaml_is_bool(const struct tl_yaml_node *node, bool *value) WG_MUST_USE;

#endif
