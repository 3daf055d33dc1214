/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "test/lib/random_office.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base64.h"
#include "test/lib/cmocka.h"
#include "test/lib/memfile.h"
#include "test/lib/tool.h"

enum { RULES_MOST = 8 };

/* How many entries of each kind there are, so that rules can name them. */
struct cast {
        FILE *out;
        uint64_t *state;
        uint32_t hubs, sites, people, services, keys;
        uint32_t hosts[8]; /* per site */
        uint32_t group;    /* one that exists */
};

static uint32_t below(struct cast *c, uint32_t limit)
{
        return (uint32_t)(tool_random(c->state) % limit);
}

static bool one_in(struct cast *c, uint32_t n)
{
        return below(c, n) == 0;
}

/* Some entries have no key yet. */
static void write_key(struct cast *c)
{
        uint8_t key[TL_CONF_KEY_LEN] = {0x42};
        char text[TL_BASE64_LEN(TL_CONF_KEY_LEN) + 1] = "";

        key[1] = (uint8_t)++c->keys;
        tl_base64_encode(text, key, sizeof(key));
        if (!one_in(c, 10))
                fprintf(c->out, ", key: \"%s\"", text);
}

static void write_mtu(struct cast *c)
{
        if (one_in(c, 3))
                fprintf(c->out, ", mtu: %" PRIu32, 1300 + below(c, 201));
}

static void write_hubs(struct cast *c)
{
        fprintf(c->out, "hubs:\n");
        for (uint32_t i = 0; i < c->hubs; i++) {
                if (one_in(c, 2))
                        fprintf(c->out, "  z%" PRIu32 ": {endpoint: \"z%" PRIu32 ".example:4500\"",
                                i, i);
                else
                        fprintf(c->out, "  z%" PRIu32 ": {endpoint: 203.0.113.%" PRIu32, i, 10 + i);
                write_key(c);
                write_mtu(c);
                fprintf(c->out, "}\n");
        }
}

static void write_hub(struct cast *c)
{
        if (one_in(c, 2))
                fprintf(c->out, ", hub: z%" PRIu32, below(c, c->hubs));
}

static void write_gateway(struct cast *c)
{
        static const char *const kinds[] = {"self", "static-routes", "drops-invalid", "dhcp-121",
                                            "untouchable"};

        if (one_in(c, 6))
                fprintf(c->out, ", gateway: {kind: static-routes, routes: [10.70.0.0/24]}");
        else if (!one_in(c, 3))
                fprintf(c->out, ", gateway: %s", kinds[below(c, WG_ARRAY_SIZE(kinds))]);
}

static void write_hosts(struct cast *c, uint32_t site)
{
        c->hosts[site] = below(c, 4);
        fprintf(c->out, ", devices: {");
        for (uint32_t i = 0; i < c->hosts[site]; i++)
                fprintf(c->out, "%sh%" PRIu32 "-%" PRIu32 ": 192.168.%" PRIu32 ".%" PRIu32,
                        i ? ", " : "", site, i, 10 + 2 * site, 50 + i);
        fprintf(c->out, "}");
}

static void write_site(struct cast *c, uint32_t site)
{
        fprintf(c->out, "  s%" PRIu32 ": {lan: [192.168.%" PRIu32 ".0/24", site, 10 + 2 * site);
        if (one_in(c, 3))
                fprintf(c->out, ", 172.20.%" PRIu32 ".0/22", 4 * site);
        if (one_in(c, 2))
                fprintf(c->out, ", \"fd77:0:0:%" PRIu32 "::/64\"", site);
        fprintf(c->out, "]");
        if (one_in(c, 3))
                fprintf(c->out, ", node: {name: a%" PRIu32 ", at: 192.168.%" PRIu32 ".2}", site,
                        10 + 2 * site);
        else if (one_in(c, 2))
                fprintf(c->out, ", node: a%" PRIu32, site);
        write_key(c);
        if (one_in(c, 3))
                fprintf(c->out, ", endpoint: \"198.51.100.%" PRIu32 ":4500\"", site + 1);
        write_hub(c);
        write_mtu(c);
        write_gateway(c);
        write_hosts(c, site);
        fprintf(c->out, "}\n");
}

static void write_person(struct cast *c, uint32_t person)
{
        uint32_t devices = 1 + below(c, 2), other = below(c, 2);

        c->group = 2 + below(c, 2);
        fprintf(c->out, "  p%" PRIu32 ": {groups: [g%" PRIu32 ", g%" PRIu32 "], devices: {", person,
                other, c->group);
        for (uint32_t i = 0; i < devices; i++) {
                fprintf(c->out, "%sm%" PRIu32 ": {stock: %s", i ? ", " : "", i,
                        one_in(c, 4) ? "true" : "false");
                write_key(c);
                write_hub(c);
                write_mtu(c);
                fprintf(c->out, "}");
        }
        fprintf(c->out, "}}\n");
}

static void write_port(struct cast *c, FILE *out)
{
        uint32_t first = 1 + below(c, 9);

        if (one_in(c, 5))
                fprintf(out, "icmp");
        else
                fprintf(out, "%" PRIu32 "-%" PRIu32 "/%s", first, first + below(c, 5),
                        one_in(c, 3) ? "udp" : "tcp");
}

static void write_ports(struct cast *c, FILE *out)
{
        uint32_t count = 1 + below(c, 3);

        fprintf(out, ", ports: [");
        for (uint32_t i = 0; i < count; i++) {
                fprintf(out, "%s", i ? ", " : "");
                write_port(c, out);
        }
        fprintf(out, "]");
}

static void write_services(struct cast *c)
{
        if (c->services)
                fprintf(c->out, "services:\n");
        for (uint32_t i = 0; i < c->services; i++) {
                uint32_t site = below(c, c->sites);

                if (c->hosts[site])
                        fprintf(c->out, "  v%" PRIu32 ": {at: h%" PRIu32 "-0", i, site);
                else
                        fprintf(c->out, "  v%" PRIu32 ": {at: 192.168.%" PRIu32 ".77", i,
                                10 + 2 * site);
                write_ports(c, c->out);
                fprintf(c->out, "}\n");
        }
}

/* A name that a rule may have. */
static void write_word(struct cast *c, FILE *out)
{
        static const char *const everyone[] = {"all", "hubs", "sites", "people"};
        uint32_t site = below(c, c->sites), person = below(c, c->people);

        switch (below(c, 9)) {
        case 0:
                fprintf(out, "%s", everyone[below(c, WG_ARRAY_SIZE(everyone))]);
                return;
        case 1:
                fprintf(out, "z%" PRIu32, below(c, c->hubs));
                return;
        case 2:
                fprintf(out, "p%" PRIu32 "/m0", person);
                return;
        case 3:
                fprintf(out, "g%" PRIu32, c->group);
                return;
        case 4:
                if (c->services) {
                        fprintf(out, "v%" PRIu32, below(c, c->services));
                        return;
                }
                /* fallthrough */
        case 5:
                if (c->hosts[site]) {
                        fprintf(out, "h%" PRIu32 "-%" PRIu32, site, below(c, c->hosts[site]));
                        return;
                }
                /* fallthrough */
        case 6:
                fprintf(out, "s%" PRIu32, site);
                return;
        default:
                fprintf(out, "p%" PRIu32, person);
                return;
        }
}

static void write_words(struct cast *c, FILE *out)
{
        uint32_t count = 1 + below(c, 3);

        fputc('[', out);
        for (uint32_t i = 0; i < count; i++) {
                fputs(i ? ", " : "", out);
                write_word(c, out);
        }
        fputc(']', out);
}

static void write_rule(struct cast *c, char *text, size_t size)
{
        FILE *out = test_memfile(text, size);

        fputs("  - {from: ", out);
        write_words(c, out);
        fputs(", to: ", out);
        write_words(c, out);
        if (one_in(c, 2))
                write_ports(c, out);
        fputs("}\n", out);
        fclose(out);
}

/* A shuffled policy has its rules in reverse. */
static void write_policy(struct cast *c, bool is_shuffled)
{
        char rules[RULES_MOST][512];
        uint32_t count = below(c, RULES_MOST + 1);

        for (uint32_t i = 0; i < count; i++)
                write_rule(c, rules[i], sizeof(rules[i]));
        fputs(count ? "policy:\n" : "policy: []\n", c->out);
        for (uint32_t i = 0; i < count; i++)
                fputs(rules[is_shuffled ? count - 1 - i : i], c->out);
}

uint64_t random_office_seed(void)
{
        const char *given = getenv("TEST_SEED");
        uint64_t seed = given ? strtoull(given, NULL, 0) : tool_now_ns();

        printf("TEST_SEED=%" PRIu64 "\n", seed);
        return seed;
}

size_t random_office_write(char out[RANDOM_OFFICE_SIZE], uint64_t *state, bool has_policy,
                           bool is_shuffled)
{
        struct cast c = {.out = test_memfile(out, RANDOM_OFFICE_SIZE), .state = state};
        long len;

        c.hubs = 1 + below(&c, 3);
        c.sites = 1 + below(&c, WG_ARRAY_SIZE(c.hosts));
        c.people = 1 + below(&c, 8);
        c.services = below(&c, 4);
        fprintf(c.out, "network: acme\naddresses: 10.70.0.0/24\n");
        write_hubs(&c);
        fprintf(c.out, "sites:\n");
        for (uint32_t i = 0; i < c.sites; i++)
                write_site(&c, i);
        fprintf(c.out, "people:\n");
        for (uint32_t i = 0; i < c.people; i++)
                write_person(&c, i);
        write_services(&c);
        if (has_policy)
                write_policy(&c, is_shuffled);
        fputc('\0', c.out);
        len = ftell(c.out);
        fclose(c.out);
        return (size_t)len - 1;
}

struct wg_ip random_office_ip(const struct test_office *office, uint64_t *state)
{
        const struct tl_model *model = &office->model;
        const struct tl_node *node = &model->nodes[tool_random(state) % model->node_count];
        struct wg_ip ip = {.family = WG_FAMILY_IPV4, .bytes = {8, 8, 8, 8}};

        switch (tool_random(state) % 6) {
        case 0:
                return node->ip4;
        case 1:
                return node->ip6;
        case 2:
                return model->host_count ? model->hosts[tool_random(state) % model->host_count].ip4
                                         : node->ip4;
        case 3:
                ip = model->pool4.ip;
                ip.bytes[3] = (uint8_t)tool_random(state);
                return ip;
        case 4:
                ip = model->lans[tool_random(state) % model->lan_count].prefix.ip;
                ip.bytes[wg_ip_bits(&ip) / 8 - 1] = (uint8_t)tool_random(state);
                return ip;
        default:
                return ip;
        }
}
