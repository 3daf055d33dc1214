/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * network_reader.h - reads values of the network file: scalars, names, and lists of them.
 *
 * Only for conf/network.c, which knows the sections. Each function takes the value of a key, or an
 * item of its list. A mistake becomes a finding at the value's place that says what the type
 * expects, and reading goes on. Outputs are written only on success; texts are copied into the
 * network's arena.
 * Threads: one owner at a time. */
#ifndef CONF_NETWORK_READER_H
#define CONF_NETWORK_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"
#include "conf/arena.h"
#include "conf/findings.h"
#include "conf/network.h"
#include "conf/network_keys.h"
#include "conf/text.h"
#include "conf/yamltree.h"

struct tl_reader {
        struct tl_network *network;
        struct tl_arena *arena; /* of the network */
        struct tl_findings *findings;
        bool is_whole;         /* the tree has everything that the text has */
        bool is_out_of_memory; /* the owner reports it, once */
};

/* ---- what every value needs ---- */

/* Reports that a value is not what its type expects. */
void tl_reader_reject(struct tl_reader *r, const struct tl_yaml_node *value,
                      enum tl_network_type type);

/* Gets the text of a scalar, borrowed from the tree; numbers are texts, too. */
bool tl_reader_get_text(struct tl_reader *r, const struct tl_yaml_node *value,
                        enum tl_network_type type, struct tl_text *text) WG_MUST_USE;

/* Copies a text. Returns false if memory runs out. */
bool tl_reader_set_word(struct tl_reader *r, struct tl_text text, struct tl_place at,
                        struct tl_word *word);

/* Makes room for an item at the end of a list in the network. `items_at` points to the pointer to
 * its items, each of `size` bytes. Returns the item, uninitialized, and counts it; NULL if memory
 * runs out. */
void *tl_reader_add_item(struct tl_reader *r, void *items_at, uint32_t *count, uint32_t *capacity,
                         size_t size) WG_MUST_USE;

/* ---- single values ---- */

/* A number from `least` to `most`, without quotes. */
void tl_reader_read_number(struct tl_reader *r, const struct tl_yaml_node *value,
                           enum tl_network_type type, uint32_t least, uint32_t most,
                           uint32_t *number);

void tl_reader_read_boolean(struct tl_reader *r, const struct tl_yaml_node *value, bool *into);

/* A prefix without host bits. */
bool tl_reader_get_prefix(struct tl_reader *r, const struct tl_yaml_node *value,
                          enum tl_network_type type, struct tl_placed_prefix *into);

bool tl_reader_get_ip(struct tl_reader *r, const struct tl_yaml_node *value,
                      enum tl_network_type type, struct tl_placed_ip *into);

void tl_reader_read_key(struct tl_reader *r, const struct tl_yaml_node *value,
                        struct tl_network_node *into);

void tl_reader_read_endpoint(struct tl_reader *r, const struct tl_yaml_node *value,
                             struct tl_network_endpoint *into);

void tl_reader_read_domain(struct tl_reader *r, const struct tl_yaml_node *value,
                           struct tl_word *into);

/* A word that is a name in an enum, with hyphens for underscores. */
bool tl_reader_get_word(struct tl_reader *r, const struct tl_yaml_node *value,
                        enum tl_network_type type, const struct wg_enum *e, uint32_t *word);

/* ---- names ---- */

/* The name of a new entry, of at most `max` characters. */
bool tl_reader_get_name(struct tl_reader *r, const struct tl_yaml_node *value, size_t max,
                        struct tl_word *into);

/* The name of an entry that exists elsewhere. */
bool tl_reader_get_reference(struct tl_reader *r, const struct tl_yaml_node *value,
                             enum tl_network_type type, struct tl_word *into);

/* ---- lists: where one is expected, a single item may stand alone ---- */

static inline const struct tl_yaml_node *tl_reader_first_item(const struct tl_yaml_node *value)
{
        return value->kind == TL_YAML_SEQUENCE ? value->first : value;
}

static inline const struct tl_yaml_node *tl_reader_next_item(const struct tl_yaml_node *value,
                                                             const struct tl_yaml_node *item)
{
        return value->kind == TL_YAML_SEQUENCE ? item->next : NULL;
}

#define TL_READER_EACH_ITEM(item, value) \
        for (const struct tl_yaml_node *item = tl_reader_first_item(value); item; \
             item = tl_reader_next_item(value, item))

/* Reports an empty list. */
void tl_reader_check_not_empty(struct tl_reader *r, const struct tl_yaml_node *value,
                               enum tl_network_type type);

/* These append the good items. */
void tl_reader_read_prefixes(struct tl_reader *r, const struct tl_yaml_node *value,
                             enum tl_network_type type, struct tl_prefix_list *list);
void tl_reader_read_ips(struct tl_reader *r, const struct tl_yaml_node *value,
                        enum tl_network_type type, struct tl_ip_list *list);
void tl_reader_read_words(struct tl_reader *r, const struct tl_yaml_node *value,
                          enum tl_network_type type, struct tl_word_list *list);
void tl_reader_read_ports(struct tl_reader *r, const struct tl_yaml_node *value,
                          struct tl_port_list *list);

/* Fills the network's address pools, one of each family. */
void tl_reader_read_pools(struct tl_reader *r, const struct tl_yaml_node *value);

/* The first entry of a mapping; NULL if it has none, which is a mistake unless it is empty. */
const struct tl_yaml_node *tl_reader_first_entry(struct tl_reader *r,
                                                 const struct tl_yaml_node *value,
                                                 enum tl_network_type type);

#endif
