/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/network_reader.h"

#include <stdio.h>
#include <string.h>

#include "conf/address.h"
#include "conf/name.h"
#include "conf/network_value.h"
#include "conf/similar.h"

/* ---- what every value needs ---- */

/* Reports a value of the wrong type or form. The fix may be NULL. */
static void expected_but(struct tl_reader *r, const struct tl_yaml_node *value,
                         enum tl_network_type type, const char *fix)
{
        const char *what = tl_network_type_text(type);

        switch (value->kind) {
        case TL_YAML_WRONG:
                break;
        case TL_YAML_SEQUENCE:
        case TL_YAML_MAPPING:
                tl_findings_error(r->findings, value->at, fix, "expected %s, found %s", what,
                                  tl_yaml_kind_text(value->kind));
                break;
        case TL_YAML_SCALAR:
                if (tl_yaml_is_null(value))
                        tl_findings_error(r->findings, value->at, fix, "expected %s, found nothing",
                                          what);
                else if (type != TL_TYPE_KEY && tl_value_is_quotable(tl_yaml_text(value)))
                        tl_findings_error(r->findings, value->at, fix, "expected %s, found \"%s\"",
                                          what, value->text);
                else
                        tl_findings_error(r->findings, value->at, fix, "expected %s", what);
                break;
        }
}

void tl_reader_reject(struct tl_reader *r, const struct tl_yaml_node *value,
                      enum tl_network_type type)
{
        expected_but(r, value, type, NULL);
}

bool tl_reader_get_text(struct tl_reader *r, const struct tl_yaml_node *value,
                        enum tl_network_type type, struct tl_text *text)
{
        bool truth;

        if (value->kind != TL_YAML_SCALAR || tl_yaml_is_null(value) ||
            tl_yaml_is_bool(value, &truth)) {
                tl_reader_reject(r, value, type);
                return false;
        }
        *text = tl_yaml_text(value);
        return true;
}

bool tl_reader_set_word(struct tl_reader *r, struct tl_text text, struct tl_place at,
                        struct tl_word *word)
{
        char *copy = tl_arena_copy(r->arena, text.at, text.len);

        if (!copy) {
                r->is_out_of_memory = true;
                return false;
        }
        *word = (struct tl_word){.text = copy, .at = at};
        return true;
}

void *tl_reader_add_item(struct tl_reader *r, void *items_at, uint32_t *count, uint32_t *capacity,
                         size_t size)
{
        void *items, *larger;

        memcpy(&items, items_at, sizeof(items));
        larger = tl_arena_grow(r->arena, items, *count, capacity, size);
        if (!larger) {
                r->is_out_of_memory = true;
                return NULL;
        }
        memcpy(items_at, &larger, sizeof(larger));
        return (char *)larger + (*count)++ * size;
}

#define ADD(r, list) \
        tl_reader_add_item(r, &(list)->items, &(list)->count, &(list)->capacity, \
                           sizeof(*(list)->items))

/* ---- single values ---- */

void tl_reader_read_number(struct tl_reader *r, const struct tl_yaml_node *value,
                           enum tl_network_type type, uint32_t least, uint32_t most,
                           uint32_t *number)
{
        struct tl_text text;
        uint32_t result;

        if (!tl_reader_get_text(r, value, type, &text))
                return;
        if (!tl_text_to_number(text, most, &result) || result < least)
                tl_reader_reject(r, value, type);
        else if (!value->is_plain)
                expected_but(r, value, type, "remove the quotes");
        else
                *number = result;
}

void tl_reader_read_boolean(struct tl_reader *r, const struct tl_yaml_node *value, bool *into)
{
        if (!tl_yaml_is_bool(value, into))
                tl_reader_reject(r, value, TL_TYPE_BOOLEAN);
}

bool tl_reader_get_prefix(struct tl_reader *r, const struct tl_yaml_node *value,
                          enum tl_network_type type, struct tl_placed_prefix *into)
{
        struct tl_placed_prefix result = {.at = value->at};
        char masked[TL_ADDRESS_PREFIX_SIZE], fix[TL_ADDRESS_PREFIX_SIZE + 8];
        struct tl_text text;
        bool has_host_bits;

        if (!tl_reader_get_text(r, value, type, &text))
                return false;
        if (!tl_value_prefix(text, &result.prefix, &has_host_bits) ||
            (type == TL_TYPE_PREFIX4 && result.prefix.ip.family != WG_FAMILY_IPV4)) {
                tl_reader_reject(r, value, type);
                return false;
        }
        if (has_host_bits) {
                tl_address_format_prefix(masked, &result.prefix);
                snprintf(fix, sizeof(fix), "write %s", masked);
                tl_findings_error(r->findings, value->at, fix,
                                  "%s is an address in a prefix, not the prefix itself",
                                  value->text);
                return false;
        }
        *into = result;
        return true;
}

bool tl_reader_get_ip(struct tl_reader *r, const struct tl_yaml_node *value,
                      enum tl_network_type type, struct tl_placed_ip *into)
{
        struct tl_placed_ip result = {.at = value->at};
        struct tl_text text;

        if (!tl_reader_get_text(r, value, type, &text))
                return false;
        if (!tl_address_parse_ip(text, &result.ip)) {
                tl_reader_reject(r, value, type);
                return false;
        }
        *into = result;
        return true;
}

void tl_reader_read_key(struct tl_reader *r, const struct tl_yaml_node *value,
                        struct tl_network_node *into)
{
        struct tl_text text;

        if (!tl_reader_get_text(r, value, TL_TYPE_KEY, &text))
                return;
        if (!tl_value_key(text, into->key))
                tl_reader_reject(r, value, TL_TYPE_KEY);
        else
                into->key_at = value->at;
}

void tl_reader_read_endpoint(struct tl_reader *r, const struct tl_yaml_node *value,
                             struct tl_network_endpoint *into)
{
        struct tl_network_endpoint result;
        struct tl_text text, host;

        if (!tl_reader_get_text(r, value, TL_TYPE_ENDPOINT, &text))
                return;
        if (!tl_value_endpoint(text, &host, &result.ip, &result.port))
                tl_reader_reject(r, value, TL_TYPE_ENDPOINT);
        else if (tl_reader_set_word(r, host, value->at, &result.host))
                *into = result;
}

void tl_reader_read_domain(struct tl_reader *r, const struct tl_yaml_node *value,
                           struct tl_word *into)
{
        struct tl_text text;

        if (!tl_reader_get_text(r, value, TL_TYPE_DOMAIN, &text))
                return;
        if (!tl_name_is_domain(text))
                tl_reader_reject(r, value, TL_TYPE_DOMAIN);
        else
                (void)tl_reader_set_word(r, text, value->at, into);
}

/* Reports a word that is none of an enum's. */
static void expected_word(struct tl_reader *r, const struct tl_yaml_node *value,
                          enum tl_network_type type, const struct wg_enum *e)
{
        struct tl_similar similar = {0};
        char names[8][TL_NETWORK_WORD_MAX + 1], fix[2 * TL_NETWORK_WORD_MAX];
        size_t count = 0;

        WG_ENUM_EACH(m, e) {
                if (count == WG_ARRAY_SIZE(names))
                        break;
                snprintf(names[count], sizeof(names[count]), "%s", m->name);
                for (char *c = names[count]; *c; c++)
                        *c = *c == '_' ? '-' : *c;
                tl_similar_consider(&similar, value->text, value->len, names[count++]);
        }
        if (!similar.name) {
                tl_reader_reject(r, value, type);
                return;
        }
        snprintf(fix, sizeof(fix), "did you mean \"%s\"?", similar.name);
        expected_but(r, value, type, fix);
}

bool tl_reader_get_word(struct tl_reader *r, const struct tl_yaml_node *value,
                        enum tl_network_type type, const struct wg_enum *e, uint32_t *word)
{
        const struct wg_enum_member *member;
        struct tl_text text;

        if (!tl_reader_get_text(r, value, type, &text))
                return false;
        member = tl_value_word(e, text);
        if (!member) {
                expected_word(r, value, type, e);
                return false;
        }
        *word = member->value;
        return true;
}

/* ---- names ---- */

/* Whether a name means something else: in rules, in expectations, or to YAML without quotes. */
static bool is_reserved(struct tl_text text)
{
        static const char *const words[] = {"not", "true", "false", "null"};

        for (size_t i = 0; i < WG_ARRAY_SIZE(words); i++)
                if (tl_text_is(text, words[i]))
                        return true;
        return wg_enum_by_name(&tl_everyone_enum, text.at, text.len) != NULL;
}

/* What to write instead of something that is no name, if only the case of letters is wrong. */
static bool lower_case(struct tl_text text, char out[TL_NAME_MAX + 1])
{
        if (text.len > TL_NAME_MAX)
                return false;
        for (size_t i = 0; i < text.len; i++)
                out[i] = text.at[i] >= 'A' && text.at[i] <= 'Z' ? (char)(text.at[i] - 'A' + 'a')
                                                                : text.at[i];
        out[text.len] = '\0';
        return tl_name_is_valid((struct tl_text){out, text.len});
}

static void report_name(struct tl_reader *r, const struct tl_yaml_node *value)
{
        char lower[TL_NAME_MAX + 1], fix[TL_NAME_MAX + 16];

        if (tl_value_is_quotable(tl_yaml_text(value)) && lower_case(tl_yaml_text(value), lower)) {
                snprintf(fix, sizeof(fix), "write \"%s\"", lower);
                tl_findings_error(r->findings, value->at, fix, "names have no capital letters");
        } else if (tl_value_is_quotable(tl_yaml_text(value))) {
                tl_findings_error(r->findings, value->at,
                                  "use lower-case letters, digits and hyphens, a letter first",
                                  "\"%s\" cannot be a name", value->text);
        } else {
                tl_findings_error(r->findings, value->at,
                                  "use lower-case letters, digits and hyphens, a letter first",
                                  "this cannot be a name");
        }
}

bool tl_reader_get_name(struct tl_reader *r, const struct tl_yaml_node *value, size_t max,
                        struct tl_word *into)
{
        struct tl_text text;

        if (!tl_reader_get_text(r, value, TL_TYPE_NAME, &text))
                return false;
        if (!tl_name_is_valid(text)) {
                report_name(r, value);
                return false;
        }
        if (text.len > max) {
                tl_findings_error(r->findings, value->at, "shorten it",
                                  "this name has %zu characters, of at most %zu", text.len, max);
                return false;
        }
        if (is_reserved(text)) {
                tl_findings_error(r->findings, value->at, "choose another name",
                                  "\"%s\" has a meaning of its own", value->text);
                return false;
        }
        return tl_reader_set_word(r, text, value->at, into);
}

bool tl_reader_get_reference(struct tl_reader *r, const struct tl_yaml_node *value,
                             enum tl_network_type type, struct tl_word *into)
{
        struct tl_text text;

        if (!tl_reader_get_text(r, value, type, &text))
                return false;
        if (tl_name_is_reference(text))
                return tl_reader_set_word(r, text, value->at, into);
        report_name(r, value);
        return false;
}

/* ---- lists ---- */

void tl_reader_check_not_empty(struct tl_reader *r, const struct tl_yaml_node *value,
                               enum tl_network_type type)
{
        if (value->kind == TL_YAML_SEQUENCE && !value->first)
                tl_findings_error(r->findings, value->at, NULL, "expected %s, found an empty list",
                                  tl_network_type_text(type));
}

void tl_reader_read_prefixes(struct tl_reader *r, const struct tl_yaml_node *value,
                             enum tl_network_type type, struct tl_prefix_list *list)
{
        TL_READER_EACH_ITEM(item, value)
        {
                struct tl_placed_prefix prefix, *added;

                if (!tl_reader_get_prefix(r, item, type, &prefix))
                        continue;
                added = ADD(r, list);
                if (added)
                        *added = prefix;
        }
}

static void report_second(struct tl_reader *r, struct tl_place at, struct tl_place first)
{
        tl_findings_add(r->findings, TL_FINDING_ERROR, at, &first, "keep one of them",
                        "there may be one of each family, IPv4 and IPv6");
}

void tl_reader_read_pools(struct tl_reader *r, const struct tl_yaml_node *value)
{
        TL_READER_EACH_ITEM(item, value)
        {
                struct tl_placed_prefix prefix, *pool;

                if (!tl_reader_get_prefix(r, item, TL_TYPE_POOLS, &prefix))
                        continue;
                pool = prefix.prefix.ip.family == WG_FAMILY_IPV4 ? &r->network->pool4
                                                                 : &r->network->pool6;
                if (pool->prefix.ip.family != WG_FAMILY_NONE)
                        report_second(r, prefix.at, pool->at);
                else
                        *pool = prefix;
        }
}

static const struct tl_placed_ip *find_family(const struct tl_ip_list *list, uint8_t family)
{
        for (uint32_t i = 0; i < list->count; i++)
                if (list->items[i].ip.family == family)
                        return &list->items[i];
        return NULL;
}

void tl_reader_read_ips(struct tl_reader *r, const struct tl_yaml_node *value,
                        enum tl_network_type type, struct tl_ip_list *list)
{
        TL_READER_EACH_ITEM(item, value)
        {
                const struct tl_placed_ip *first = NULL;
                struct tl_placed_ip ip, *added;

                if (!tl_reader_get_ip(r, item, type, &ip))
                        continue;
                if (type == TL_TYPE_NODE_IPS)
                        first = find_family(list, ip.ip.family);
                if (first) {
                        report_second(r, ip.at, first->at);
                        continue;
                }
                added = ADD(r, list);
                if (added)
                        *added = ip;
        }
}

void tl_reader_read_words(struct tl_reader *r, const struct tl_yaml_node *value,
                          enum tl_network_type type, struct tl_word_list *list)
{
        TL_READER_EACH_ITEM(item, value)
        {
                struct tl_word word, *added;
                bool is_good = type == TL_TYPE_GROUPS
                                       ? tl_reader_get_name(r, item, TL_NAME_MAX, &word)
                                       : tl_reader_get_reference(r, item, type, &word);

                if (!is_good)
                        continue;
                added = ADD(r, list);
                if (added)
                        *added = word;
        }
}

void tl_reader_read_ports(struct tl_reader *r, const struct tl_yaml_node *value,
                          struct tl_port_list *list)
{
        TL_READER_EACH_ITEM(item, value)
        {
                struct tl_port_range range = {.at = item->at}, *added;
                struct tl_text text;

                if (!tl_reader_get_text(r, item, TL_TYPE_PORTS, &text))
                        continue;
                if (!tl_value_ports(text, &range)) {
                        tl_reader_reject(r, item, TL_TYPE_PORTS);
                        continue;
                }
                added = ADD(r, list);
                if (added)
                        *added = range;
        }
}

const struct tl_yaml_node *tl_reader_first_entry(struct tl_reader *r,
                                                 const struct tl_yaml_node *value,
                                                 enum tl_network_type type)
{
        if (value->kind == TL_YAML_MAPPING)
                return value->first;
        if (!tl_yaml_is_null(value))
                tl_reader_reject(r, value, type);
        return NULL;
}
