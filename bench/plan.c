/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * plan.c - how long it takes to plan a large office network, and how much memory: from the text of
 * the file to the plans of its hub, of a site's node and of a device.
 *
 *      plan [--sites N] [--people N] [--rules N] [--hard] [--write]
 *
 * --hard makes the LANs of all sites, and the homes of all people, the same; and the sites have
 * virtual addresses. --write prints the file instead. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "conf/base64.h"
#include "net/conflicts.h"
#include "net/derive.h"
#include "net/nodeplan.h"
#include "test/lib/tool.h"

enum { HUBS = 3, GROUPS = 40, SITES_MOST = 4000, PEOPLE_MOST = 50000, RULES_MOST = 100000 };

struct size {
        uint32_t sites, people, rules;
        bool is_hard, is_written;
};

struct bench {
        struct size size;
        char *file;
        size_t len;
        struct tl_network network;
        struct tl_lock lock;
        struct tl_model model;
        struct tl_policy policy;
        struct tl_findings findings;
        uint64_t begun_ns;
};

/* ---- the file ---- */

static void write_key(FILE *out, uint32_t number)
{
        uint8_t key[TL_CONF_KEY_LEN] = {0x20};
        char text[TL_BASE64_LEN(TL_CONF_KEY_LEN) + 1] = "";

        memcpy(key + 1, &number, sizeof(number));
        tl_base64_encode(text, key, sizeof(key));
        fprintf(out, "key: \"%s\"", text);
}

static void write_entries(FILE *out, const struct size *size)
{
        uint32_t keys = 0;

        fputs("network: acme\naddresses: 100.64.0.0/16\nmapped: 172.16.0.0/12\nhubs:\n", out);
        for (uint32_t i = 0; i < HUBS; i++) {
                fprintf(out, "  z%" PRIu32 ": {endpoint: z%" PRIu32 ".example, ", i, i);
                write_key(out, keys++);
                fputs("}\n", out);
        }
        fputs("sites:\n", out);
        for (uint32_t i = 0; i < size->sites; i++) {
                uint32_t lan = size->is_hard ? 0 : i;

                fprintf(out,
                        "  s%" PRIu32 ": {lan: [10.%" PRIu32 ".%" PRIu32
                        ".0/24, \"fd99:0:0:%" PRIx32 "::/64\"], hub: z%" PRIu32
                        ", devices: {h%" PRIu32 ": 10.%" PRIu32 ".%" PRIu32 ".9}, ",
                        i, lan / 256, lan % 256, i, i % HUBS, i, lan / 256, lan % 256);
                if (size->is_hard)
                        fputs("gateway: untouchable, virtual: 10.0.0.192/27, ", out);
                write_key(out, keys++);
                fputs("}\n", out);
        }
        fputs("people:\n", out);
        for (uint32_t i = 0; i < size->people; i++) {
                fprintf(out,
                        "  p%" PRIu32 ": {groups: [g%" PRIu32 ", g%" PRIu32
                        "], devices: {laptop: {hub: z%" PRIu32 ", ",
                        i, i % GROUPS, i / 7 % GROUPS, i % HUBS);
                write_key(out, keys++);
                fputs(size->is_hard ? ", lan: 10.0.0.0/24}}}\n" : "}}}\n", out);
        }
        fputs("services:\n", out);
        for (uint32_t i = 0; i < size->sites; i += 2)
                fprintf(out, "  v%" PRIu32 ": {at: h%" PRIu32 ", ports: [443, 22, 8000-8010]}\n", i,
                        i);
}

/* Groups to sites and services, sites to each other and to groups. */
static void write_rules(FILE *out, const struct size *size)
{
        fputs("policy:\n", out);
        for (uint32_t i = 0; i < size->rules; i++) {
                uint32_t site = i * 7 % size->sites, other = (i * 13 + 1) % size->sites;

                switch (i % 4) {
                case 0:
                        fprintf(out, "  - {from: g%" PRIu32 ", to: [s%" PRIu32 ", s%" PRIu32 "]}\n",
                                i % GROUPS, site, other);
                        break;
                case 1:
                        fprintf(out, "  - {from: [g%" PRIu32 ", h%" PRIu32 "], to: v%" PRIu32 "}\n",
                                i / 3 % GROUPS, site, other & ~UINT32_C(1));
                        break;
                case 2:
                        fprintf(out,
                                "  - {from: s%" PRIu32 ", to: [s%" PRIu32 ", g%" PRIu32
                                "], ports: [443/tcp, %" PRIu32 "/tcp, icmp]}\n",
                                site, other, i % GROUPS, 1024 + i);
                        break;
                default:
                        fprintf(out,
                                "  - {from: people, to: s%" PRIu32 ", ports: [%" PRIu32 "-%" PRIu32
                                "/udp]}\n",
                                site, 1024 + i, 2048 + i);
                        break;
                }
        }
}

static bool write_file(struct bench *b)
{
        FILE *out = open_memstream(&b->file, &b->len);

        if (!out)
                return false;
        write_entries(out, &b->size);
        write_rules(out, &b->size);
        return fclose(out) == 0;
}

/* ---- measuring ---- */

static uint64_t cpu_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        return (uint64_t)now.tv_sec * TOOL_NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Processor time, which other load on the machine affects least. There is one thread, and no wait.
 */
static void report(struct bench *b, const char *step)
{
        uint64_t now_ns = cpu_ns();
        struct rusage usage;

        getrusage(RUSAGE_SELF, &usage);
        printf("%-24s %8.1f ms   peak %6.1f MiB\n", step,
               (double)(now_ns - b->begun_ns) / (double)TOOL_NS_PER_MS,
               (double)usage.ru_maxrss / 1024);
        b->begun_ns = cpu_ns();
}

static bool fails(const struct bench *b)
{
        for (uint32_t i = 0; i < b->findings.count && i < 10; i++)
                fprintf(stderr, "%" PRIu32 ": %s\n", b->findings.items[i].at.line,
                        b->findings.items[i].message);
        return false;
}

static bool read_file(struct bench *b)
{
        static const uint8_t random[5] = {1, 2, 3, 4, 5};
        uint32_t changes;

        b->begun_ns = cpu_ns();
        if (!tl_network_parse(&b->network, b->file, b->len, &b->findings))
                return fails(b);
        report(b, "read the file");
        if (!tl_derive(&b->lock, &b->network, random, &changes, &b->findings))
                return fails(b);
        report(b, "derive values");
        if (!tl_model_build(&b->model, &b->network, &b->lock, &b->findings))
                return fails(b);
        report(b, "build the model");
        if (!tl_conflicts_find(&b->model, &b->findings))
                return fails(b);
        report(b, "find conflicts");
        if (!tl_policy_build(&b->policy, &b->model, &b->findings))
                return fails(b);
        report(b, "compile the policy");
        return true;
}

static bool plan_node(struct bench *b, uint32_t node, const char *step)
{
        struct tl_nodeplan plan;
        bool is_good = tl_nodeplan_make(&plan, &b->model, &b->policy, node, NULL, &b->findings);

        if (is_good) {
                report(b, step);
                printf("%24s %" PRIu32 " peers, %" PRIu32 " allowed IPs, %" PRIu32
                       " routes, %zu KiB of nftables rules\n",
                       "", plan.device.peer_count, plan.device.allowed_ip_count, plan.route_count,
                       strlen(plan.nft) / 1024);
        }
        tl_nodeplan_done(&plan);
        b->begun_ns = cpu_ns();
        return is_good || fails(b);
}

static bool run(struct bench *b)
{
        if (!read_file(b))
                return false;
        printf("%24s %" PRIu32 " classes of sources in %" PRIu32 " prefixes\n", "",
               b->policy.class_count, b->policy.source_count);
        return plan_node(b, 0, "plan a hub") && plan_node(b, HUBS, "plan a site's node") &&
               plan_node(b, HUBS + b->size.sites, "plan a device");
}

static uint32_t read_number(int argc, char **argv, int i, uint64_t most)
{
        return (uint32_t)tool_number(argv[i], i + 1 < argc ? argv[i + 1] : "", 1, most);
}

static bool read_options(struct size *size, int argc, char **argv)
{
        for (int i = 1; i < argc; i++)
                if (strcmp(argv[i], "--write") == 0)
                        size->is_written = true;
                else if (strcmp(argv[i], "--hard") == 0)
                        size->is_hard = true;
                else if (strcmp(argv[i], "--sites") == 0)
                        size->sites = read_number(argc, argv, i++, SITES_MOST);
                else if (strcmp(argv[i], "--people") == 0)
                        size->people = read_number(argc, argv, i++, PEOPLE_MOST);
                else if (strcmp(argv[i], "--rules") == 0)
                        size->rules = read_number(argc, argv, i++, RULES_MOST);
                else
                        return false;
        return true;
}

int main(int argc, char **argv)
{
        struct bench b = {.size = {.sites = 1000, .people = 10000, .rules = 1000}};
        uint64_t start_ns;
        bool is_good;

        if (!read_options(&b.size, argc, argv)) {
                fprintf(stderr,
                        "usage: plan [--sites N] [--people N] [--rules N] [--hard] [--write]\n");
                return 2;
        }
        if (!write_file(&b))
                return 1;
        if (b.size.is_written)
                return fwrite(b.file, 1, b.len, stdout) == b.len ? 0 : 1;
        printf("%" PRIu32 " sites, %" PRIu32 " people, %" PRIu32 " rules, %zu KiB of YAML\n",
               b.size.sites, b.size.people, b.size.rules, b.len / 1024);
        start_ns = cpu_ns();
        is_good = run(&b);
        b.begun_ns = start_ns;
        report(&b, "all of it");
        tl_policy_done(&b.policy);
        tl_model_done(&b.model);
        tl_lock_done(&b.lock);
        tl_network_done(&b.network);
        tl_findings_done(&b.findings);
        free(b.file);
        return is_good ? 0 : 1;
}
