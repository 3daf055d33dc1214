/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/network.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "conf/address.h"
#include "conf/name.h"
#include "conf/network_keys.h"
#include "conf/network_value.h"
#include "conf/similar.h"
#include "conf/yamltree.h"

WG_ENUM_DEFINE(tl_gateway, TL_GATEWAYS)
WG_ENUM_DEFINE(tl_everyone, TL_EVERYONE)
WG_ENUM_DEFINE(tl_lab_nat, TL_LAB_NATS)

enum {
        MTU_MIN = 576, /* that every link carries (RFC 791) */
        MTU_MAX = 65535,
        SECONDS_MAX = 86400,
        KEYS_MAX = 16, /* in a section */
};

#define NODE_SUFFIX "-node" /* of the default name of a site's node */

struct reader {
        struct tl_network *network;
        struct tl_arena *arena; /* of the network */
        struct tl_findings *findings;
        bool is_whole; /* the tree has everything that the text has */
        bool is_out_of_memory;
};

static void read_section(struct reader *r, enum tl_network_section section,
                         const struct tl_yaml_node *value, struct tl_place at, void *base);

/* ---- scalars ---- */

static struct tl_text text_of(const struct tl_yaml_node *value)
{
        return (struct tl_text){value->text, value->len};
}

/* Reports a value of the wrong type or form. The fix may be NULL. */
static void expected_but(struct reader *r, const struct tl_yaml_node *value,
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
                else if (type != TL_TYPE_KEY && tl_value_is_quotable(text_of(value)))
                        tl_findings_error(r->findings, value->at, fix, "expected %s, found \"%s\"",
                                          what, value->text);
                else
                        tl_findings_error(r->findings, value->at, fix, "expected %s", what);
                break;
        }
}

static void expected(struct reader *r, const struct tl_yaml_node *value, enum tl_network_type type)
{
        expected_but(r, value, type, NULL);
}

/* Gets the text of a scalar; numbers are texts, too. Otherwise reports what was expected. */
static bool get_text(struct reader *r, const struct tl_yaml_node *value, enum tl_network_type type,
                     struct tl_text *text)
{
        bool truth;

        if (value->kind != TL_YAML_SCALAR || tl_yaml_is_null(value) ||
            tl_yaml_is_bool(value, &truth)) {
                expected(r, value, type);
                return false;
        }
        *text = text_of(value);
        return true;
}

static bool set_word(struct reader *r, struct tl_text text, struct tl_place at,
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

/* Makes room for an item of a list in the network. */
static void *add_item(struct reader *r, void *items_at, uint32_t *count, uint32_t *capacity,
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
        add_item(r, &(list)->items, &(list)->count, &(list)->capacity, sizeof(*(list)->items))
#define ADD_TO(r, owner, items, prefix) \
        add_item(r, &(owner)->items, &(owner)->prefix##_count, &(owner)->prefix##_capacity, \
                 sizeof(*(owner)->items))

static void read_number(struct reader *r, const struct tl_yaml_node *value,
                        enum tl_network_type type, uint32_t least, uint32_t most, uint32_t *number)
{
        struct tl_text text;
        uint32_t result;

        if (!get_text(r, value, type, &text))
                return;
        if (!tl_text_to_number(text, most, &result) || result < least)
                expected(r, value, type);
        else if (!value->is_plain)
                expected_but(r, value, type, "remove the quotes");
        else
                *number = result;
}

static void read_boolean(struct reader *r, const struct tl_yaml_node *value, bool *into)
{
        if (!tl_yaml_is_bool(value, into))
                expected(r, value, TL_TYPE_BOOLEAN);
}

static bool get_prefix(struct reader *r, const struct tl_yaml_node *value,
                       enum tl_network_type type, struct tl_placed_prefix *into)
{
        struct tl_placed_prefix result = {.at = value->at};
        char masked[TL_ADDRESS_PREFIX_SIZE], fix[TL_ADDRESS_PREFIX_SIZE + 8];
        struct tl_text text;
        bool has_host_bits;

        if (!get_text(r, value, type, &text))
                return false;
        if (!tl_value_prefix(text, &result.prefix, &has_host_bits) ||
            (type == TL_TYPE_PREFIX4 && result.prefix.ip.family != WG_FAMILY_IPV4)) {
                expected(r, value, type);
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

static bool get_ip(struct reader *r, const struct tl_yaml_node *value, enum tl_network_type type,
                   struct tl_placed_ip *into)
{
        struct tl_placed_ip result = {.at = value->at};
        struct tl_text text;

        if (!get_text(r, value, type, &text))
                return false;
        if (!tl_address_parse_ip(text, &result.ip)) {
                expected(r, value, type);
                return false;
        }
        *into = result;
        return true;
}

static void read_key(struct reader *r, const struct tl_yaml_node *value,
                     struct tl_network_node *into)
{
        struct tl_text text;

        if (!get_text(r, value, TL_TYPE_KEY, &text))
                return;
        if (!tl_value_key(text, into->key))
                expected(r, value, TL_TYPE_KEY);
        else
                into->key_at = value->at;
}

static void read_endpoint(struct reader *r, const struct tl_yaml_node *value,
                          struct tl_network_endpoint *into)
{
        struct tl_network_endpoint result;
        struct tl_text text, host;

        if (!get_text(r, value, TL_TYPE_ENDPOINT, &text))
                return;
        if (!tl_value_endpoint(text, &host, &result.ip, &result.port))
                expected(r, value, TL_TYPE_ENDPOINT);
        else if (set_word(r, host, value->at, &result.host))
                *into = result;
}

static void read_domain(struct reader *r, const struct tl_yaml_node *value, struct tl_word *into)
{
        struct tl_text text;

        if (!get_text(r, value, TL_TYPE_DOMAIN, &text))
                return;
        if (!tl_name_is_domain(text))
                expected(r, value, TL_TYPE_DOMAIN);
        else
                (void)set_word(r, text, value->at, into);
}

/* Reports a word that is none of an enum's. */
static void expected_word(struct reader *r, const struct tl_yaml_node *value,
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
                expected(r, value, type);
                return;
        }
        snprintf(fix, sizeof(fix), "did you mean \"%s\"?", similar.name);
        expected_but(r, value, type, fix);
}

static bool get_word(struct reader *r, const struct tl_yaml_node *value, enum tl_network_type type,
                     const struct wg_enum *e, uint32_t *word)
{
        const struct wg_enum_member *member;
        struct tl_text text;

        if (!get_text(r, value, type, &text))
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

static void report_name(struct reader *r, const struct tl_yaml_node *value)
{
        char lower[TL_NAME_MAX + 1], fix[TL_NAME_MAX + 16];

        if (tl_value_is_quotable(text_of(value)) && lower_case(text_of(value), lower)) {
                snprintf(fix, sizeof(fix), "write \"%s\"", lower);
                tl_findings_error(r->findings, value->at, fix, "names have no capital letters");
        } else if (tl_value_is_quotable(text_of(value))) {
                tl_findings_error(r->findings, value->at,
                                  "use lower-case letters, digits and hyphens, a letter first",
                                  "\"%s\" cannot be a name", value->text);
        } else {
                tl_findings_error(r->findings, value->at,
                                  "use lower-case letters, digits and hyphens, a letter first",
                                  "this cannot be a name");
        }
}

/* Checks the name of a new entry. */
static bool get_name(struct reader *r, const struct tl_yaml_node *value, size_t max,
                     struct tl_word *into)
{
        struct tl_text text;

        if (!get_text(r, value, TL_TYPE_NAME, &text))
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
        return set_word(r, text, value->at, into);
}

/* Checks the name of an entry that exists elsewhere. */
static bool get_reference(struct reader *r, const struct tl_yaml_node *value,
                          enum tl_network_type type, struct tl_word *into)
{
        struct tl_text text;

        if (!get_text(r, value, type, &text))
                return false;
        if (tl_name_is_reference(text))
                return set_word(r, text, value->at, into);
        report_name(r, value);
        return false;
}

/* ---- lists ---- */

/* Items of a list, or the single item that stands for one. */
static const struct tl_yaml_node *first_item(const struct tl_yaml_node *value)
{
        return value->kind == TL_YAML_SEQUENCE ? value->first : value;
}

static const struct tl_yaml_node *next_item(const struct tl_yaml_node *value,
                                            const struct tl_yaml_node *item)
{
        return value->kind == TL_YAML_SEQUENCE ? item->next : NULL;
}

#define EACH_ITEM(item, value) \
        for (const struct tl_yaml_node *item = first_item(value); item; \
             item = next_item(value, item))

/* Reports an empty list. */
static void check_not_empty(struct reader *r, const struct tl_yaml_node *value,
                            enum tl_network_type type)
{
        if (value->kind == TL_YAML_SEQUENCE && !value->first)
                tl_findings_error(r->findings, value->at, NULL, "expected %s, found an empty list",
                                  tl_network_type_text(type));
}

static void read_prefixes(struct reader *r, const struct tl_yaml_node *value,
                          enum tl_network_type type, struct tl_prefix_list *list)
{
        EACH_ITEM(item, value)
        {
                struct tl_placed_prefix prefix, *added;

                if (!get_prefix(r, item, type, &prefix))
                        continue;
                added = ADD(r, list);
                if (added)
                        *added = prefix;
        }
}

static void report_second(struct reader *r, struct tl_place at, struct tl_place first)
{
        tl_findings_add(r->findings, TL_FINDING_ERROR, at, &first, "keep one of them",
                        "there may be one of each family, IPv4 and IPv6");
}

static void read_pools(struct reader *r, const struct tl_yaml_node *value)
{
        EACH_ITEM(item, value)
        {
                struct tl_placed_prefix prefix, *pool;

                if (!get_prefix(r, item, TL_TYPE_POOLS, &prefix))
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

static void read_ips(struct reader *r, const struct tl_yaml_node *value, enum tl_network_type type,
                     struct tl_ip_list *list)
{
        EACH_ITEM(item, value)
        {
                const struct tl_placed_ip *first = NULL;
                struct tl_placed_ip ip, *added;

                if (!get_ip(r, item, type, &ip))
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

static void read_words(struct reader *r, const struct tl_yaml_node *value,
                       enum tl_network_type type, struct tl_word_list *list)
{
        EACH_ITEM(item, value)
        {
                struct tl_word word, *added;
                bool is_good = type == TL_TYPE_GROUPS ? get_name(r, item, TL_NAME_MAX, &word)
                                                      : get_reference(r, item, type, &word);

                if (!is_good)
                        continue;
                added = ADD(r, list);
                if (added)
                        *added = word;
        }
}

static void read_ports(struct reader *r, const struct tl_yaml_node *value,
                       struct tl_port_list *list)
{
        EACH_ITEM(item, value)
        {
                struct tl_port_range range = {.at = item->at}, *added;
                struct tl_text text;

                if (!get_text(r, item, TL_TYPE_PORTS, &text))
                        continue;
                if (!tl_value_ports(text, &range)) {
                        expected(r, item, TL_TYPE_PORTS);
                        continue;
                }
                added = ADD(r, list);
                if (added)
                        *added = range;
        }
}

/* ---- compound values ---- */

static void read_site_node(struct reader *r, const struct tl_yaml_node *value,
                           struct tl_network_site *site)
{
        if (value->kind == TL_YAML_MAPPING)
                read_section(r, TL_SECTION_SITE_NODE, value, value->at, site);
        else if (value->kind == TL_YAML_SCALAR && !tl_yaml_is_null(value))
                (void)get_name(r, value, TL_NAME_MAX, &site->node.name);
        else
                expected(r, value, TL_TYPE_NODE);
}

static void read_gateway_kind(struct reader *r, const struct tl_yaml_node *value,
                              enum tl_network_type type, struct tl_network_site *site)
{
        uint32_t kind;

        if (!get_word(r, value, type, &tl_gateway_enum, &kind))
                return;
        site->gateway = (enum tl_gateway)kind;
        site->gateway_at = value->at;
}

static void read_gateway(struct reader *r, const struct tl_yaml_node *value,
                         struct tl_network_site *site)
{
        if (value->kind == TL_YAML_MAPPING)
                read_section(r, TL_SECTION_GATEWAY, value, value->at, site);
        else
                read_gateway_kind(r, value, TL_TYPE_GATEWAY, site);
}

static void read_routes(struct reader *r, const struct tl_yaml_node *value,
                        struct tl_network_site *site)
{
        site->has_routes = true;
        site->routes_at = value->at;
        read_prefixes(r, value, TL_TYPE_ROUTES, &site->routes);
}

static void read_target(struct reader *r, const struct tl_yaml_node *value,
                        struct tl_network_service *service)
{
        struct tl_text text;

        if (!get_text(r, value, TL_TYPE_TARGET, &text))
                return;
        if (tl_address_parse_ip(text, &service->ip) || tl_name_is_reference(text))
                (void)set_word(r, text, value->at, &service->at);
        else
                expected(r, value, TL_TYPE_TARGET);
}

static void read_nat(struct reader *r, const struct tl_yaml_node *value, struct tl_lab_home *home)
{
        uint32_t nat;

        if (!get_word(r, value, TL_TYPE_NAT, &tl_lab_nat_enum, &nat))
                return;
        home->nat = (enum tl_lab_nat)nat;
        home->has_nat = true;
}

/* ---- entries with names ---- */

/* The entries of a mapping; NULL if it has none, which may be a mistake. */
static const struct tl_yaml_node *first_entry(struct reader *r, const struct tl_yaml_node *value,
                                              enum tl_network_type type)
{
        if (value->kind == TL_YAML_MAPPING)
                return value->first;
        if (!tl_yaml_is_null(value))
                expected(r, value, type);
        return NULL;
}

static void read_hubs(struct reader *r, const struct tl_yaml_node *value)
{
        for (const struct tl_yaml_node *e = first_entry(r, value, TL_TYPE_HUBS); e; e = e->next) {
                struct tl_network_hub hub = {0}, *added;

                (void)get_name(r, e->key, TL_NAME_MAX, &hub.node.name);
                read_section(r, TL_SECTION_HUB, e, e->key->at, &hub);
                added = hub.node.name.text ? ADD_TO(r, r->network, hubs, hub) : NULL;
                if (added)
                        *added = hub;
        }
}

/* Names the node of a site after it, if the file does not. */
static void name_site_node(struct reader *r, struct tl_network_site *site)
{
        if (site->node.name.text)
                return;
        site->node.name.at = site->name.at;
        site->node.name.text = tl_arena_format(r->arena, "%s" NODE_SUFFIX, site->name.text);
        r->is_out_of_memory |= !site->node.name.text;
}

static void read_sites(struct reader *r, const struct tl_yaml_node *value)
{
        const size_t longest = TL_NAME_MAX - strlen(NODE_SUFFIX);

        for (const struct tl_yaml_node *e = first_entry(r, value, TL_TYPE_SITES); e; e = e->next) {
                struct tl_network_site site = {0}, *added;

                (void)get_name(r, e->key, longest, &site.name);
                read_section(r, TL_SECTION_SITE, e, e->key->at, &site);
                if (!site.name.text)
                        continue;
                name_site_node(r, &site);
                added = ADD_TO(r, r->network, sites, site);
                if (added)
                        *added = site;
        }
}

static void read_people(struct reader *r, const struct tl_yaml_node *value)
{
        for (const struct tl_yaml_node *e = first_entry(r, value, TL_TYPE_PEOPLE); e; e = e->next) {
                struct tl_network_person person = {0}, *added;

                (void)get_name(r, e->key, TL_NAME_MAX, &person.name);
                read_section(r, TL_SECTION_PERSON, e, e->key->at, &person);
                added = person.name.text ? ADD_TO(r, r->network, people, person) : NULL;
                if (added)
                        *added = person;
        }
}

static void read_devices(struct reader *r, const struct tl_yaml_node *value,
                         struct tl_network_person *person)
{
        for (const struct tl_yaml_node *e = first_entry(r, value, TL_TYPE_DEVICES); e;
             e = e->next) {
                struct tl_network_device device = {0}, *added;

                (void)get_name(r, e->key, TL_NAME_MAX, &device.node.name);
                read_section(r, TL_SECTION_DEVICE, e, e->key->at, &device);
                added = device.node.name.text ? ADD_TO(r, person, devices, device) : NULL;
                if (added)
                        *added = device;
        }
}

static void read_hosts(struct reader *r, const struct tl_yaml_node *value,
                       struct tl_network_site *site)
{
        for (const struct tl_yaml_node *e = first_entry(r, value, TL_TYPE_HOSTS); e; e = e->next) {
                struct tl_network_host host = {0}, *added;

                (void)get_name(r, e->key, TL_NAME_MAX, &host.name);
                check_not_empty(r, e, TL_TYPE_IPS);
                read_ips(r, e, TL_TYPE_IPS, &host.addresses);
                added = host.name.text ? ADD_TO(r, site, hosts, host) : NULL;
                if (added)
                        *added = host;
        }
}

static void read_services(struct reader *r, const struct tl_yaml_node *value)
{
        for (const struct tl_yaml_node *e = first_entry(r, value, TL_TYPE_SERVICES); e;
             e = e->next) {
                struct tl_network_service service = {0}, *added;

                (void)get_name(r, e->key, TL_NAME_MAX, &service.name);
                read_section(r, TL_SECTION_SERVICE, e, e->key->at, &service);
                added = service.name.text ? ADD_TO(r, r->network, services, service) : NULL;
                if (added)
                        *added = service;
        }
}

static void read_homes(struct reader *r, const struct tl_yaml_node *value)
{
        for (const struct tl_yaml_node *e = first_entry(r, value, TL_TYPE_LAB_HOMES); e;
             e = e->next) {
                struct tl_lab_home home = {0}, *added;

                (void)get_reference(r, e->key, TL_TYPE_REFERENCE, &home.who);
                read_section(r, TL_SECTION_HOME, e, e->key->at, &home);
                added = home.who.text ? ADD_TO(r, &r->network->lab, homes, home) : NULL;
                if (added)
                        *added = home;
        }
}

static void read_lab_hosts(struct reader *r, const struct tl_yaml_node *value)
{
        for (const struct tl_yaml_node *s = first_entry(r, value, TL_TYPE_LAB_HOSTS); s;
             s = s->next) {
                struct tl_word site = {0};

                (void)get_reference(r, s->key, TL_TYPE_REFERENCE, &site);
                for (const struct tl_yaml_node *e = first_entry(r, s, TL_TYPE_HOSTS); e;
                     e = e->next) {
                        struct tl_lab_host host = {.site = site}, *added;

                        if (!get_name(r, e->key, TL_NAME_MAX, &host.name) ||
                            !get_ip(r, e, TL_TYPE_IP, &host.ip))
                                continue;
                        added = ADD_TO(r, &r->network->lab, hosts, host);
                        if (added)
                                *added = host;
                }
        }
}

/* ---- entries without names ---- */

static void read_rules(struct reader *r, const struct tl_yaml_node *value)
{
        if (value->kind != TL_YAML_SEQUENCE) {
                expected(r, value, TL_TYPE_RULES);
                return;
        }
        EACH_ITEM(item, value)
        {
                struct tl_network_rule rule = {.at = item->at}, *added;

                read_section(r, TL_SECTION_RULE, item, item->at, &rule);
                added = ADD_TO(r, r->network, rules, rule);
                if (added)
                        *added = rule;
        }
}

/* The place of a part of a scalar; of all of it, if the file does not have it like that. */
static struct tl_place place_within(const struct tl_yaml_node *value, size_t offset)
{
        struct tl_place at = value->at;

        at.column += value->is_one_line ? (uint32_t)offset : 0;
        return at;
}

static void read_expectation(struct reader *r, const struct tl_yaml_node *value)
{
        struct tl_network_expectation expectation = {0}, *added;
        const char *mistake;
        struct tl_text text;
        size_t offset = 0;

        if (!get_text(r, value, TL_TYPE_EXPECTATIONS, &text) ||
            !set_word(r, text, value->at, &expectation.text))
                return;
        text.at = expectation.text.text;
        mistake = tl_flow_parse(text, &expectation.flow, &offset);
        if (mistake) {
                tl_findings_error(r->findings, place_within(value, offset), NULL, "%s", mistake);
                return;
        }
        expectation.from_at = place_within(value, (size_t)(expectation.flow.from.at - text.at));
        expectation.to_at = place_within(value, (size_t)(expectation.flow.to.at - text.at));
        added = ADD_TO(r, r->network, expectations, expectation);
        if (added)
                *added = expectation;
}

static void read_expectations(struct reader *r, const struct tl_yaml_node *value)
{
        if (tl_yaml_is_null(value))
                return;
        EACH_ITEM(item, value)
        {
                read_expectation(r, item);
        }
}

/* A network has its name in common with an interface and, below /proc/sys/net, with a directory. */
static void read_network_name(struct reader *r, const struct tl_yaml_node *value,
                              struct tl_word *into)
{
        static const char *const words[] = {"default", "lo"};

        if (!get_name(r, value, TL_NETWORK_NAME_MAX, into))
                return;
        for (size_t i = 0; i < WG_ARRAY_SIZE(words); i++)
                if (strcmp(into->text, words[i]) == 0)
                        tl_findings_error(r->findings, value->at, "choose another name",
                                          "no interface of a network can be called \"%s\"",
                                          into->text);
}

/* ---- sections ---- */

static void read_value(struct reader *r, const struct tl_network_key *key,
                       const struct tl_yaml_node *value, void *base)
{
        void *into = (char *)base + key->offset;
        struct tl_network_node *node_of = into;

        switch (key->type) {
        case TL_TYPE_NETWORK_NAME:
                read_network_name(r, value, into);
                break;
        case TL_TYPE_DOMAIN:
                read_domain(r, value, into);
                break;
        case TL_TYPE_POOLS:
                check_not_empty(r, value, key->type);
                read_pools(r, value);
                break;
        case TL_TYPE_PREFIX4:
        case TL_TYPE_PREFIX:
                (void)get_prefix(r, value, key->type, into);
                break;
        case TL_TYPE_PREFIXES:
                check_not_empty(r, value, key->type);
                read_prefixes(r, value, key->type, into);
                break;
        case TL_TYPE_ROUTES:
                read_routes(r, value, base);
                break;
        case TL_TYPE_IP:
                (void)get_ip(r, value, key->type, into);
                break;
        case TL_TYPE_IPS:
        case TL_TYPE_NODE_IPS:
                check_not_empty(r, value, key->type);
                read_ips(r, value, key->type, into);
                break;
        case TL_TYPE_KEY:
                read_key(r, value, into);
                break;
        case TL_TYPE_ENDPOINT:
                read_endpoint(r, value, into);
                break;
        case TL_TYPE_MTU:
                node_of->mtu_at = value->at;
                read_number(r, value, key->type, MTU_MIN, MTU_MAX, &node_of->mtu);
                break;
        case TL_TYPE_HOME_MTU:
                read_number(r, value, key->type, MTU_MIN, MTU_MAX, into);
                break;
        case TL_TYPE_SECONDS:
                read_number(r, value, key->type, 1, SECONDS_MAX, into);
                break;
        case TL_TYPE_BOOLEAN:
                read_boolean(r, value, into);
                break;
        case TL_TYPE_NAME:
                (void)get_name(r, value, TL_NAME_MAX, into);
                break;
        case TL_TYPE_REFERENCE:
                (void)get_reference(r, value, key->type, into);
                break;
        case TL_TYPE_GROUPS:
                read_words(r, value, key->type, into);
                break;
        case TL_TYPE_REFERENCES:
                check_not_empty(r, value, key->type);
                read_words(r, value, key->type, into);
                break;
        case TL_TYPE_TARGET:
                read_target(r, value, base);
                break;
        case TL_TYPE_PORTS:
                check_not_empty(r, value, key->type);
                read_ports(r, value, into);
                break;
        case TL_TYPE_NODE:
                read_site_node(r, value, base);
                break;
        case TL_TYPE_GATEWAY:
                read_gateway(r, value, base);
                break;
        case TL_TYPE_GATEWAY_KIND:
                read_gateway_kind(r, value, key->type, base);
                break;
        case TL_TYPE_NAT:
                read_nat(r, value, base);
                break;
        case TL_TYPE_HUBS:
                read_hubs(r, value);
                break;
        case TL_TYPE_SITES:
                read_sites(r, value);
                break;
        case TL_TYPE_PEOPLE:
                read_people(r, value);
                break;
        case TL_TYPE_DEVICES:
                read_devices(r, value, base);
                break;
        case TL_TYPE_HOSTS:
                read_hosts(r, value, base);
                break;
        case TL_TYPE_SERVICES:
                read_services(r, value);
                break;
        case TL_TYPE_RULES:
                r->network->policy_at = value->key->at;
                read_rules(r, value);
                break;
        case TL_TYPE_EXPECTATIONS:
                read_expectations(r, value);
                break;
        case TL_TYPE_LAB:
                r->network->lab.at = value->key->at;
                read_section(r, TL_SECTION_LAB, value, value->key->at, into);
                break;
        case TL_TYPE_LAB_HOMES:
                read_homes(r, value);
                break;
        case TL_TYPE_LAB_HOSTS:
                read_lab_hosts(r, value);
                break;
        }
}

/* Whether somebody wants to put a secret there. */
static bool is_secret(struct tl_text key)
{
        static const char *const words[] = {"privatekey", "secretkey", "presharedkey",
                                            "private",    "secret",    "psk"};
        char plain[sizeof("presharedkey")];
        size_t len = 0;

        for (size_t i = 0; i < key.len; i++) {
                if (key.at[i] == '-' || key.at[i] == '_' || key.at[i] == ' ')
                        continue;
                if (len == sizeof(plain))
                        return false;
                plain[len++] = key.at[i];
        }
        for (size_t i = 0; i < WG_ARRAY_SIZE(words); i++)
                if (tl_text_is_caseless((struct tl_text){plain, len}, words[i]))
                        return true;
        return false;
}

static void report_unknown(struct reader *r, enum tl_network_section section,
                           const struct tl_yaml_node *key)
{
        const char *where = tl_network_section_text(section);
        struct tl_network_keys keys = tl_network_keys(section);
        struct tl_similar similar = {0};
        char fix[256] = "the keys are ";
        size_t len = strlen(fix);

        if (is_secret(text_of(key))) {
                tl_findings_error(r->findings, key->at,
                                  "remove it, and make a new key on the machine that it is for, "
                                  "with \"tieline key NETWORK\"",
                                  "secret keys never belong in this file");
                return;
        }
        for (size_t i = 0; i < keys.count; i++)
                tl_similar_consider(&similar, key->text, key->len, keys.items[i].name);
        if (similar.name)
                snprintf(fix, sizeof(fix), "did you mean \"%s\"?", similar.name);
        for (size_t i = 0; !similar.name && i < keys.count && len < sizeof(fix); i++)
                len += (size_t)snprintf(fix + len, sizeof(fix) - len, "%s%s", i ? ", " : "",
                                        keys.items[i].name);
        if (tl_value_is_quotable(text_of(key)))
                tl_findings_error(r->findings, key->at, fix, "unknown key \"%s\" of %s", key->text,
                                  where);
        else
                tl_findings_error(r->findings, key->at, fix, "unknown key of %s", where);
}

/* The index of a key; the count if there is none. */
static size_t find_key(struct tl_network_keys keys, const struct tl_yaml_node *key)
{
        size_t i = 0;

        while (i < keys.count && !tl_text_is(text_of(key), keys.items[i].name))
                i++;
        return i;
}

static void report_missing(struct reader *r, enum tl_network_section section,
                           const struct tl_network_key *key, struct tl_place at)
{
        char fix[256];

        snprintf(fix, sizeof(fix), "add %s", tl_network_type_text(key->type));
        tl_findings_error(r->findings, at, fix, "%s needs the key \"%s\"",
                          tl_network_section_text(section), key->name);
}

/* Reads a group of keys into the struct of its section. Without a value, it has none of them. */
static void read_section(struct reader *r, enum tl_network_section section,
                         const struct tl_yaml_node *value, struct tl_place at, void *base)
{
        struct tl_network_keys keys = tl_network_keys(section);
        bool is_here[KEYS_MAX] = {false};

        WG_ASSERT(keys.count <= KEYS_MAX);
        if (value->kind == TL_YAML_WRONG)
                return;
        if (value->kind != TL_YAML_MAPPING && !tl_yaml_is_null(value)) {
                tl_findings_error(r->findings, value->at, "write {key: value, ...}",
                                  "expected the keys of %s", tl_network_section_text(section));
                return;
        }
        for (const struct tl_yaml_node *child = value->first; child; child = child->next) {
                size_t i = find_key(keys, child->key);

                if (i == keys.count) {
                        report_unknown(r, section, child->key);
                        continue;
                }
                is_here[i] = true;
                read_value(r, &keys.items[i], child, base);
        }
        for (size_t i = 0; i < keys.count && r->is_whole; i++)
                if (keys.items[i].is_required && !is_here[i])
                        report_missing(r, section, &keys.items[i], at);
}

/* ---- the file ---- */

/* Sets what the file may leave out. */
static void set_defaults(struct tl_network *network)
{
        static const struct wg_prefix mapped = {
                .ip = {.family = WG_FAMILY_IPV4, .bytes = {10, 200}}, .cidr = 16};

        if (network->mapped.prefix.ip.family == WG_FAMILY_NONE)
                network->mapped = (struct tl_placed_prefix){.prefix = mapped};
}

bool tl_network_parse(struct tl_network *network, const char *text, size_t len,
                      struct tl_findings *findings)
{
        static const struct tl_yaml_node nothing = {.kind = TL_YAML_MAPPING, .at = {1, 1}};
        struct reader r = {.network = network, .arena = &network->arena, .findings = findings};
        struct tl_arena tree = {0};
        const struct tl_yaml_node *root;

        *network = (struct tl_network){0};
        root = tl_yaml_parse(&tree, text, len, &r.is_whole, findings);
        if (root || r.is_whole)
                read_section(&r, TL_SECTION_NETWORK, root ? root : &nothing,
                             root ? root->at : nothing.at, network);
        if (r.is_out_of_memory)
                tl_findings_error(findings, (struct tl_place){0, 0}, NULL, "memory ran out");
        set_defaults(network);
        tl_arena_done(&tree);
        tl_findings_sort(findings);
        return !tl_findings_has_errors(findings);
}

void tl_network_done(struct tl_network *network)
{
        tl_arena_done(&network->arena);
        *network = (struct tl_network){0};
}
