/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/network.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "conf/address.h"
#include "conf/name.h"
#include "conf/network_keys.h"
#include "conf/network_reader.h"
#include "conf/network_value.h"
#include "conf/similar.h"
#include "conf/yamltree.h"

enum {
        MTU_MIN = 576, /* that every link carries (RFC 791) */
        MTU_MAX = 65535,
        SECONDS_MAX = 86400,
        KEYS_MAX = 16, /* in a section */
};

#define NODE_SUFFIX "-node" /* of the default name of a site's node */

static void read_section(struct tl_reader *r, enum tl_network_section section,
                         const struct tl_yaml_node *value, struct tl_place at, void *base);

#define ADD_TO(r, owner, items, prefix) \
        tl_reader_add_item(r, &(owner)->items, &(owner)->prefix##_count, \
                           &(owner)->prefix##_capacity, sizeof(*(owner)->items))

/* ---- network:, hubs: ---- */

/* A network has its name in common with an interface and, below /proc/sys/net, with a directory. */
static void read_network_name(struct tl_reader *r, const struct tl_yaml_node *value,
                              struct tl_word *into)
{
        static const char *const words[] = {"default", "lo"};

        if (!tl_reader_get_name(r, value, TL_NETWORK_NAME_MAX, into))
                return;
        for (size_t i = 0; i < WG_ARRAY_SIZE(words); i++)
                if (strcmp(into->text, words[i]) == 0)
                        tl_findings_error(r->findings, value->at, "choose another name",
                                          "no interface of a network can be called \"%s\"",
                                          into->text);
}

static void read_hubs(struct tl_reader *r, const struct tl_yaml_node *value)
{
        for (const struct tl_yaml_node *e = tl_reader_first_entry(r, value, TL_TYPE_HUBS); e;
             e = e->next) {
                struct tl_network_hub hub = {0}, *added;

                (void)tl_reader_get_name(r, e->key, TL_NAME_MAX, &hub.node.name);
                read_section(r, TL_SECTION_HUB, e, e->key->at, &hub);
                added = hub.node.name.text ? ADD_TO(r, r->network, hubs, hub) : NULL;
                if (added)
                        *added = hub;
        }
}

/* ---- sites: ---- */

static void read_site_node(struct tl_reader *r, const struct tl_yaml_node *value,
                           struct tl_network_site *site)
{
        if (value->kind == TL_YAML_MAPPING)
                read_section(r, TL_SECTION_SITE_NODE, value, value->at, site);
        else if (value->kind == TL_YAML_SCALAR && !tl_yaml_is_null(value))
                (void)tl_reader_get_name(r, value, TL_NAME_MAX, &site->node.name);
        else
                tl_reader_reject(r, value, TL_TYPE_NODE);
}

static void read_gateway_kind(struct tl_reader *r, const struct tl_yaml_node *value,
                              enum tl_network_type type, struct tl_network_site *site)
{
        uint32_t kind;

        if (!tl_reader_get_word(r, value, type, &tl_gateway_enum, &kind))
                return;
        site->gateway = (enum tl_gateway)kind;
        site->gateway_at = value->at;
}

static void read_gateway(struct tl_reader *r, const struct tl_yaml_node *value,
                         struct tl_network_site *site)
{
        if (value->kind == TL_YAML_MAPPING)
                read_section(r, TL_SECTION_GATEWAY, value, value->at, site);
        else
                read_gateway_kind(r, value, TL_TYPE_GATEWAY, site);
}

static void read_routes(struct tl_reader *r, const struct tl_yaml_node *value,
                        struct tl_network_site *site)
{
        site->has_routes = true;
        site->routes_at = value->at;
        tl_reader_read_prefixes(r, value, TL_TYPE_ROUTES, &site->routes);
}

static void read_hosts(struct tl_reader *r, const struct tl_yaml_node *value,
                       struct tl_network_site *site)
{
        for (const struct tl_yaml_node *e = tl_reader_first_entry(r, value, TL_TYPE_HOSTS); e;
             e = e->next) {
                struct tl_network_host host = {0}, *added;

                (void)tl_reader_get_name(r, e->key, TL_NAME_MAX, &host.name);
                tl_reader_check_not_empty(r, e, TL_TYPE_IPS);
                tl_reader_read_ips(r, e, TL_TYPE_IPS, &host.addresses);
                added = host.name.text ? ADD_TO(r, site, hosts, host) : NULL;
                if (added)
                        *added = host;
        }
}

/* Reads an address, or a prefix, of the site's own LAN. */
static bool get_here(struct tl_reader *r, const struct tl_yaml_node *value,
                     struct tl_placed_prefix *here)
{
        struct tl_text text;
        struct wg_ip ip;

        if (!tl_reader_get_text(r, value, TL_TYPE_VIRTUAL, &text))
                return false;
        if (!tl_address_parse_ip(text, &ip))
                return tl_reader_get_prefix(r, value, TL_TYPE_VIRTUAL, here);
        *here = (struct tl_placed_prefix){{ip, (uint8_t)wg_ip_bits(&ip)}, value->at};
        return true;
}

/* Reads what addresses of a LAN stand for: the name of a machine, an address or a prefix elsewhere,
 * or "auto". */
static bool get_there(struct tl_reader *r, const struct tl_yaml_node *value,
                      struct tl_network_stand_in *stand_in)
{
        struct tl_text text;

        if (!tl_reader_get_text(r, value, TL_TYPE_VIRTUAL, &text))
                return false;
        if (tl_text_is(text, "auto"))
                return true;
        if (!tl_name_is_reference(text))
                return get_here(r, value, &stand_in->there);
        if (stand_in->here.prefix.cidr == wg_ip_bits(&stand_in->here.prefix.ip))
                return tl_reader_set_word(r, text, value->at, &stand_in->name);
        tl_findings_error(r->findings, value->at,
                          "give a single address for it, or `auto` for all machines",
                          "a prefix cannot stand for one machine, \"%s\"", value->text);
        return false;
}

static void add_stand_in(struct tl_reader *r, struct tl_network_site *site,
                         const struct tl_network_stand_in *stand_in)
{
        struct tl_network_stand_in *added = ADD_TO(r, site, stand_ins, stand_in);

        if (added)
                *added = *stand_in;
}

static void read_virtual(struct tl_reader *r, const struct tl_yaml_node *value,
                         struct tl_network_site *site)
{
        if (value->kind != TL_YAML_MAPPING) {
                tl_reader_check_not_empty(r, value, TL_TYPE_VIRTUAL);
                TL_READER_EACH_ITEM(item, value)
                {
                        struct tl_network_stand_in stand_in = {0};

                        if (tl_reader_get_prefix(r, item, TL_TYPE_VIRTUAL, &stand_in.here))
                                add_stand_in(r, site, &stand_in);
                }
                return;
        }
        for (const struct tl_yaml_node *e = value->first; e; e = e->next) {
                struct tl_network_stand_in stand_in = {0};

                if (get_here(r, e->key, &stand_in.here) && get_there(r, e, &stand_in))
                        add_stand_in(r, site, &stand_in);
        }
}

/* Names the node of a site after it, if the file does not. */
static void name_site_node(struct tl_reader *r, struct tl_network_site *site)
{
        if (site->node.name.text)
                return;
        site->node.name.at = site->name.at;
        site->node.name.text = tl_arena_format(r->arena, "%s" NODE_SUFFIX, site->name.text);
        r->is_out_of_memory |= !site->node.name.text;
}

static void read_sites(struct tl_reader *r, const struct tl_yaml_node *value)
{
        const size_t longest = TL_NAME_MAX - strlen(NODE_SUFFIX);

        for (const struct tl_yaml_node *e = tl_reader_first_entry(r, value, TL_TYPE_SITES); e;
             e = e->next) {
                struct tl_network_site site = {0}, *added;

                (void)tl_reader_get_name(r, e->key, longest, &site.name);
                read_section(r, TL_SECTION_SITE, e, e->key->at, &site);
                if (!site.name.text)
                        continue;
                name_site_node(r, &site);
                added = ADD_TO(r, r->network, sites, site);
                if (added)
                        *added = site;
        }
}

/* ---- people: ---- */

static void read_devices(struct tl_reader *r, const struct tl_yaml_node *value,
                         struct tl_network_person *person)
{
        for (const struct tl_yaml_node *e = tl_reader_first_entry(r, value, TL_TYPE_DEVICES); e;
             e = e->next) {
                struct tl_network_device device = {0}, *added;

                (void)tl_reader_get_name(r, e->key, TL_NAME_MAX, &device.node.name);
                read_section(r, TL_SECTION_DEVICE, e, e->key->at, &device);
                added = device.node.name.text ? ADD_TO(r, person, devices, device) : NULL;
                if (added)
                        *added = device;
        }
}

static void read_people(struct tl_reader *r, const struct tl_yaml_node *value)
{
        for (const struct tl_yaml_node *e = tl_reader_first_entry(r, value, TL_TYPE_PEOPLE); e;
             e = e->next) {
                struct tl_network_person person = {0}, *added;

                (void)tl_reader_get_name(r, e->key, TL_NAME_MAX, &person.name);
                read_section(r, TL_SECTION_PERSON, e, e->key->at, &person);
                added = person.name.text ? ADD_TO(r, r->network, people, person) : NULL;
                if (added)
                        *added = person;
        }
}

/* ---- services:, policy: ---- */

static void read_target(struct tl_reader *r, const struct tl_yaml_node *value,
                        struct tl_network_service *service)
{
        struct tl_text text;

        if (!tl_reader_get_text(r, value, TL_TYPE_TARGET, &text))
                return;
        if (tl_address_parse_ip(text, &service->ip) || tl_name_is_reference(text))
                (void)tl_reader_set_word(r, text, value->at, &service->at);
        else
                tl_reader_reject(r, value, TL_TYPE_TARGET);
}

static void read_services(struct tl_reader *r, const struct tl_yaml_node *value)
{
        for (const struct tl_yaml_node *e = tl_reader_first_entry(r, value, TL_TYPE_SERVICES); e;
             e = e->next) {
                struct tl_network_service service = {0}, *added;

                (void)tl_reader_get_name(r, e->key, TL_NAME_MAX, &service.name);
                read_section(r, TL_SECTION_SERVICE, e, e->key->at, &service);
                added = service.name.text ? ADD_TO(r, r->network, services, service) : NULL;
                if (added)
                        *added = service;
        }
}

static void read_rules(struct tl_reader *r, const struct tl_yaml_node *value)
{
        if (value->kind != TL_YAML_SEQUENCE) {
                tl_reader_reject(r, value, TL_TYPE_RULES);
                return;
        }
        TL_READER_EACH_ITEM(item, value)
        {
                struct tl_network_rule rule = {.at = item->at}, *added;

                read_section(r, TL_SECTION_RULE, item, item->at, &rule);
                added = ADD_TO(r, r->network, rules, rule);
                if (added)
                        *added = rule;
        }
}

/* ---- expect: ---- */

/* The place of a part of a scalar; of all of it, if the file does not have it like that. */
static struct tl_place place_within(const struct tl_yaml_node *value, size_t offset)
{
        struct tl_place at = value->at;

        at.column += value->is_one_line ? (uint32_t)offset : 0;
        return at;
}

static void read_expectation(struct tl_reader *r, const struct tl_yaml_node *value)
{
        struct tl_network_expectation expectation = {0}, *added;
        const char *mistake;
        struct tl_text text;
        size_t offset = 0;

        if (!tl_reader_get_text(r, value, TL_TYPE_EXPECTATIONS, &text) ||
            !tl_reader_set_word(r, text, value->at, &expectation.text))
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

static void read_expectations(struct tl_reader *r, const struct tl_yaml_node *value)
{
        if (tl_yaml_is_null(value))
                return;
        TL_READER_EACH_ITEM(item, value)
        {
                read_expectation(r, item);
        }
}

/* ---- lab: ---- */

static void read_nat(struct tl_reader *r, const struct tl_yaml_node *value,
                     struct tl_lab_home *home)
{
        uint32_t nat;

        if (!tl_reader_get_word(r, value, TL_TYPE_NAT, &tl_lab_nat_enum, &nat))
                return;
        home->nat = (enum tl_lab_nat)nat;
        home->has_nat = true;
}

static void read_homes(struct tl_reader *r, const struct tl_yaml_node *value)
{
        for (const struct tl_yaml_node *e = tl_reader_first_entry(r, value, TL_TYPE_LAB_HOMES); e;
             e = e->next) {
                struct tl_lab_home home = {0}, *added;

                (void)tl_reader_get_reference(r, e->key, TL_TYPE_REFERENCE, &home.who);
                read_section(r, TL_SECTION_HOME, e, e->key->at, &home);
                added = home.who.text ? ADD_TO(r, &r->network->lab, homes, home) : NULL;
                if (added)
                        *added = home;
        }
}

static void read_lab_hosts(struct tl_reader *r, const struct tl_yaml_node *value)
{
        for (const struct tl_yaml_node *s = tl_reader_first_entry(r, value, TL_TYPE_LAB_HOSTS); s;
             s = s->next) {
                struct tl_word site = {0};

                (void)tl_reader_get_reference(r, s->key, TL_TYPE_REFERENCE, &site);
                for (const struct tl_yaml_node *e = tl_reader_first_entry(r, s, TL_TYPE_HOSTS); e;
                     e = e->next) {
                        struct tl_lab_host host = {.site = site}, *added;

                        if (!tl_reader_get_name(r, e->key, TL_NAME_MAX, &host.name) ||
                            !tl_reader_get_ip(r, e, TL_TYPE_IP, &host.ip))
                                continue;
                        added = ADD_TO(r, &r->network->lab, hosts, host);
                        if (added)
                                *added = host;
                }
        }
}

static void read_lab_networks(struct tl_reader *r, const struct tl_yaml_node *value)
{
        for (const struct tl_yaml_node *e = tl_reader_first_entry(r, value, TL_TYPE_LAB_NETWORKS);
             e; e = e->next) {
                struct tl_lab_networks networks = {0}, *added;

                (void)tl_reader_get_reference(r, e->key, TL_TYPE_REFERENCE, &networks.who);
                tl_reader_check_not_empty(r, e, TL_TYPE_PREFIXES);
                tl_reader_read_prefixes(r, e, TL_TYPE_PREFIXES, &networks.prefixes);
                added = networks.who.text ? ADD_TO(r, &r->network->lab, networks, network) : NULL;
                if (added)
                        *added = networks;
        }
}

/* ---- any section, key by key ---- */

static void read_value(struct tl_reader *r, const struct tl_network_key *key,
                       const struct tl_yaml_node *value, void *base)
{
        void *into = (char *)base + key->offset;
        struct tl_network_node *node_of = into;

        switch (key->type) {
        case TL_TYPE_NETWORK_NAME:
                read_network_name(r, value, into);
                break;
        case TL_TYPE_DOMAIN:
                tl_reader_read_domain(r, value, into);
                break;
        case TL_TYPE_POOLS:
                tl_reader_check_not_empty(r, value, key->type);
                tl_reader_read_pools(r, value);
                break;
        case TL_TYPE_PREFIX4:
        case TL_TYPE_PREFIX:
                (void)tl_reader_get_prefix(r, value, key->type, into);
                break;
        case TL_TYPE_PREFIXES:
                tl_reader_check_not_empty(r, value, key->type);
                tl_reader_read_prefixes(r, value, key->type, into);
                break;
        case TL_TYPE_ROUTES:
                read_routes(r, value, base);
                break;
        case TL_TYPE_IP:
                (void)tl_reader_get_ip(r, value, key->type, into);
                break;
        case TL_TYPE_IPS:
        case TL_TYPE_NODE_IPS:
                tl_reader_check_not_empty(r, value, key->type);
                tl_reader_read_ips(r, value, key->type, into);
                break;
        case TL_TYPE_KEY:
                tl_reader_read_key(r, value, into);
                break;
        case TL_TYPE_ENDPOINT:
                tl_reader_read_endpoint(r, value, into);
                break;
        case TL_TYPE_MTU:
                node_of->mtu_at = value->at;
                tl_reader_read_number(r, value, key->type, MTU_MIN, MTU_MAX, &node_of->mtu);
                break;
        case TL_TYPE_HOME_MTU:
                tl_reader_read_number(r, value, key->type, MTU_MIN, MTU_MAX, into);
                break;
        case TL_TYPE_SECONDS:
                tl_reader_read_number(r, value, key->type, 1, SECONDS_MAX, into);
                break;
        case TL_TYPE_BOOLEAN:
                tl_reader_read_boolean(r, value, into);
                break;
        case TL_TYPE_NAME:
                (void)tl_reader_get_name(r, value, TL_NAME_MAX, into);
                break;
        case TL_TYPE_REFERENCE:
                (void)tl_reader_get_reference(r, value, key->type, into);
                break;
        case TL_TYPE_GROUPS:
                tl_reader_read_words(r, value, key->type, into);
                break;
        case TL_TYPE_REFERENCES:
                tl_reader_check_not_empty(r, value, key->type);
                tl_reader_read_words(r, value, key->type, into);
                break;
        case TL_TYPE_TARGET:
                read_target(r, value, base);
                break;
        case TL_TYPE_PORTS:
                tl_reader_check_not_empty(r, value, key->type);
                tl_reader_read_ports(r, value, into);
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
        case TL_TYPE_VIRTUAL:
                read_virtual(r, value, base);
                break;
        case TL_TYPE_LAB_NETWORKS:
                read_lab_networks(r, value);
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

static void report_unknown(struct tl_reader *r, enum tl_network_section section,
                           const struct tl_yaml_node *key)
{
        const char *where = tl_network_section_text(section);
        struct tl_network_keys keys = tl_network_keys(section);
        struct tl_similar similar = {0};
        char fix[256] = "the keys are ";
        size_t len = strlen(fix);

        if (is_secret(tl_yaml_text(key))) {
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
        if (tl_value_is_quotable(tl_yaml_text(key)))
                tl_findings_error(r->findings, key->at, fix, "unknown key \"%s\" of %s", key->text,
                                  where);
        else
                tl_findings_error(r->findings, key->at, fix, "unknown key of %s", where);
}

/* The index of a key; the count if there is none. */
static size_t find_key(struct tl_network_keys keys, const struct tl_yaml_node *key)
{
        size_t i = 0;

        while (i < keys.count && !tl_text_is(tl_yaml_text(key), keys.items[i].name))
                i++;
        return i;
}

static void report_missing(struct tl_reader *r, enum tl_network_section section,
                           const struct tl_network_key *key, struct tl_place at)
{
        char fix[256];

        snprintf(fix, sizeof(fix), "add %s", tl_network_type_text(key->type));
        tl_findings_error(r->findings, at, fix, "%s needs the key \"%s\"",
                          tl_network_section_text(section), key->name);
}

/* Reads a group of keys into the struct of its section. Without a value, it has none of them. */
static void read_section(struct tl_reader *r, enum tl_network_section section,
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
        struct tl_reader r = {.network = network, .arena = &network->arena, .findings = findings};
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
