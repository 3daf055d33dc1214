/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_derive.c - net/derive.h: whole locks as text, then random networks that change. */
#include "net/derive.h"

#include <stdlib.h>

#include "test/lib/cmocka.h"
#include "test/lib/env.h"
#include "test/lib/heap.h"
#include "test/lib/ip.h"
#include "test/lib/memfile.h"
#include "test/lib/office.h"

static const uint8_t random_bits[5] = {1, 2, 3, 4, 5};

/* Derives values for a file, with a lock as text, or NULL. Returns the new lock as text, the
 * caller's to free; NULL if there are mistakes, which are in *findings. */
static char *derive(const char *yaml, const char *lock_text, uint32_t *changes,
                    struct tl_findings *findings)
{
        struct tl_network network = {0};
        struct tl_lock lock = {0};
        char *result = NULL;
        size_t len;

        if (tl_network_parse(&network, yaml, strlen(yaml), findings) &&
            (!lock_text || tl_lock_parse(&lock, lock_text, strlen(lock_text), findings)) &&
            tl_derive(&lock, &network, random_bits, changes, findings))
                result = tl_lock_format(&lock, &len);
        tl_lock_done(&lock);
        tl_network_done(&network);
        return result;
}

/* ---- whole locks ---- */

#define HEADER "tieline-lock 1\nula fd01:203:405::/48\n"
#define POOL "network: n\naddresses: 10.70.0.0/24\n"
#define HUBS "hubs: {z: {endpoint: \"z.example\"}, y: {endpoint: \"y.example\"}}\n"
#define ONE_HUB "hubs: {z: {endpoint: \"z.example\"}}\n"

/* Two sites; what site s has under `virtual:`. The service at b's address needs none, as b is at s
 * itself; that at d's has d's. */
#define VIRTUAL(ranges) \
        POOL ONE_HUB \
                "sites:\n" \
                "  s: {lan: [192.168.1.0/24, \"fd77::/64\"], devices: {b: 192.168.1.9}, " \
                "virtual: " ranges "}\n" \
                "  t: {lan: 192.168.2.0/24, devices: {d: 192.168.2.9}}\n" \
                "people: {e: {devices: {laptop: {}}}}\n" \
                "services: {web: {at: 192.168.2.7, ports: 80}, git: {at: 192.168.2.9, ports: 1}, " \
                "own: {at: 192.168.1.9, ports: 1}, near: {at: 192.168.1.7, ports: 1}}\n"
#define VIRTUAL_LOCK \
        HEADER "address e/laptop 10.70.0.4 fd01:203:405::4\n" \
               "address s-node 10.70.0.2 fd01:203:405::2\n" \
               "address t-node 10.70.0.3 fd01:203:405::3\naddress z 10.70.0.1 fd01:203:405::1\n" \
               "mapped s 192.168.1.0/24 10.200.0.0/24\nmapped t 192.168.2.0/24 10.200.1.0/24\n"

static const struct {
        int number;
        const char *name;
        const char *yaml;
        const char *before; /* NULL: no lock */
        const char *after;  /* NULL: an error */
        uint32_t changes;
} locks[] = {
        {1, "hubs, sites and devices in the file's order", TEST_OFFICE_SAMPLE, NULL,
         HEADER "address a 10.70.0.2 fd01:203:405::2\n"
                "address c 10.70.0.3 fd01:203:405::3\n"
                "address e/laptop 10.70.0.4 fd01:203:405::4\n"
                "address f/laptop 10.70.0.5 fd01:203:405::5\n"
                "address f/phone 10.70.0.6 fd01:203:405::6\n"
                "address z 10.70.0.1 fd01:203:405::1\n"
                "mapped beijing 192.168.200.0/24 10.200.1.0/24\n"
                "mapped shenzhen 192.168.201.0/24 10.200.0.0/24\n",
         15},
        {2, "a new name changes nothing else", POOL HUBS,
         HEADER "address z 10.70.0.7 fd01:203:405::9\n",
         HEADER "address y 10.70.0.1 fd01:203:405::1\n"
                "address z 10.70.0.7 fd01:203:405::9\n",
         2},
        {3, "nothing to do", POOL ONE_HUB, HEADER "address z 10.70.0.7 fd01:203:405::9\n",
         HEADER "address z 10.70.0.7 fd01:203:405::9\n", 0},
        {4, "a fixed address wins over the lock, and over another name's",
         POOL "hubs: {z: {endpoint: \"z.example\", address: 10.70.0.2}, "
              "y: {endpoint: \"y.example\"}}\n",
         HEADER "address y 10.70.0.2 fd01:203:405::2\naddress z 10.70.0.1 fd01:203:405::1\n",
         HEADER "address y 10.70.0.1 fd01:203:405::2\naddress z 10.70.0.2 fd01:203:405::1\n", 2},
        {5, "a name that is gone keeps its values in reserve", POOL ONE_HUB,
         HEADER "address y 10.70.0.2 fd01:203:405::2\naddress z 10.70.0.1 fd01:203:405::1\n",
         HEADER "address z 10.70.0.1 fd01:203:405::1\n"
                "retired address y 10.70.0.2 fd01:203:405::2\n",
         1},
        {6, "a name that returns gets its values back", POOL HUBS,
         HEADER "address z 10.70.0.1 fd01:203:405::1\n"
                "retired address y 10.70.0.9 fd01:203:405::9\n",
         HEADER "address y 10.70.0.9 fd01:203:405::9\n"
                "address z 10.70.0.1 fd01:203:405::1\n",
         1},
        {7, "retired values are not reused while others are free", POOL HUBS,
         HEADER "retired address x 10.70.0.1 fd01:203:405::1\n",
         HEADER "address y 10.70.0.3 fd01:203:405::3\n"
                "address z 10.70.0.2 fd01:203:405::2\n"
                "retired address x 10.70.0.1 fd01:203:405::1\n",
         4},
        {8, "but when nothing else is left", "network: n\naddresses: 10.70.0.0/30\n" HUBS,
         HEADER "retired address x 10.70.0.1 fd01:203:405::1\n",
         HEADER "address y 10.70.0.1 fd01:203:405::3\n"
                "address z 10.70.0.2 fd01:203:405::2\n"
                "retired address x fd01:203:405::1\n",
         5},
        {9, "an exhausted pool",
         "network: n\naddresses: 10.70.0.0/31\n"
         "hubs: {z: {endpoint: z}, y: {endpoint: y}, x: {endpoint: x}}\n",
         NULL, NULL, 0},
        {10, "a whole /31", "network: n\naddresses: 10.70.0.0/31\n" HUBS, NULL,
         HEADER "address y 10.70.0.1 fd01:203:405::1\n"
                "address z 10.70.0.0 fd01:203:405::2\n",
         5},
        {11, "the last address of all", "network: n\naddresses: 255.255.255.254/31\n" HUBS, NULL,
         HEADER "address y 255.255.255.255 fd01:203:405::1\n"
                "address z 255.255.255.254 fd01:203:405::2\n",
         5},
        {12, "a pool that moved", "network: n\naddresses: 10.71.0.0/24\n" ONE_HUB,
         HEADER "address z 10.70.0.7 fd01:203:405::7\n",
         HEADER "address z 10.71.0.1 fd01:203:405::7\n", 1},
        {13, "both pools from the file",
         "network: n\naddresses: [10.70.0.0/24, 2001:db8::ffff:0/112]\n" HUBS, NULL,
         "tieline-lock 1\naddress y 10.70.0.2 2001:db8::ffff:2\n"
         "address z 10.70.0.1 2001:db8::ffff:1\n",
         4},
        {14, "IPv6 alone", "network: n\naddresses: 2001:db8::/64\n" ONE_HUB, NULL,
         "tieline-lock 1\naddress z 2001:db8::1\n", 1},
        {15, "a fixed address of each family",
         POOL "hubs: {z: {endpoint: z, address: [10.70.0.9, \"fd01:203:405::99\"]}}\n", NULL,
         HEADER "address z 10.70.0.9 fd01:203:405::99\n", 3},
        {16, "LANs of several lengths, the largest first",
         POOL ONE_HUB "mapped: 10.200.0.0/22\n"
                      "sites:\n"
                      "  s: {lan: [192.168.0.0/25, 192.168.4.0/23, 192.168.1.0/24]}\n"
                      "  t: {lan: [192.168.6.0/25, \"2001:db8::/64\"]}\n",
         "tieline-lock 1\nula fd01:203:405::/48\naddress z 10.70.0.1 fd01:203:405::1\n"
         "address s-node 10.70.0.2 fd01:203:405::2\naddress t-node 10.70.0.3 fd01:203:405::3\n",
         HEADER "address s-node 10.70.0.2 fd01:203:405::2\n"
                "address t-node 10.70.0.3 fd01:203:405::3\n"
                "address z 10.70.0.1 fd01:203:405::1\n"
                "mapped s 192.168.0.0/25 10.200.3.0/25\n"
                "mapped s 192.168.1.0/24 10.200.2.0/24\n"
                "mapped s 192.168.4.0/23 10.200.0.0/23\n"
                "mapped t 192.168.6.0/25 10.200.3.128/25\n",
         4},
        {17, "mapped prefixes that are exhausted",
         POOL ONE_HUB "mapped: 10.200.0.0/24\n"
                      "sites: {s: {lan: 192.168.1.0/24}, t: {lan: 192.168.2.0/24}}\n",
         NULL, NULL, 0},
        {18, "a LAN that is larger than the mapped prefixes",
         POOL ONE_HUB "mapped: 10.200.0.0/24\nsites: {s: {lan: 172.16.0.0/16}}\n", NULL, NULL, 0},
        {19, "a retired mapped prefix is reused last, and its entry is dropped",
         POOL
         "mapped: 10.200.0.0/24\nsites: {s: {lan: 192.168.1.0/25}, t: {lan: 192.168.2.0/25}}\n",
         HEADER "address s-node 10.70.0.1 fd01:203:405::1\n"
                "address t-node 10.70.0.2 fd01:203:405::2\n"
                "mapped u 192.168.9.0/25 10.200.0.0/25\n",
         HEADER "address s-node 10.70.0.1 fd01:203:405::1\n"
                "address t-node 10.70.0.2 fd01:203:405::2\n"
                "mapped s 192.168.1.0/25 10.200.0.128/25\n"
                "mapped t 192.168.2.0/25 10.200.0.0/25\n",
         4},
        {20, "a retired mapped prefix around one in use is dropped",
         POOL "mapped: 10.200.0.0/24\nsites: {s: {lan: 192.168.1.0/25}}\n",
         HEADER "address s-node 10.70.0.1 fd01:203:405::1\n"
                "retired mapped u 192.168.9.0/24 10.200.0.0/24\n",
         HEADER "address s-node 10.70.0.1 fd01:203:405::1\n"
                "mapped s 192.168.1.0/25 10.200.0.0/25\n",
         2},
        {21, "a LAN that was renumbered", POOL "sites: {s: {lan: 192.168.1.0/24}}\n",
         HEADER "address s-node 10.70.0.1 fd01:203:405::1\n"
                "mapped s 192.168.0.0/24 10.200.0.0/24\n",
         HEADER "address s-node 10.70.0.1 fd01:203:405::1\n"
                "mapped s 192.168.1.0/24 10.200.1.0/24\n"
                "retired mapped s 192.168.0.0/24 10.200.0.0/24\n",
         2},
        {22, "two names with one address, as a merge of locks may leave them", POOL HUBS,
         HEADER "address y 10.70.0.7 fd01:203:405::7\naddress z 10.70.0.7 fd01:203:405::7\n",
         HEADER "address y 10.70.0.7 fd01:203:405::7\naddress z 10.70.0.1 fd01:203:405::1\n", 2},
        {23, "two LANs with one mapped prefix",
         POOL "sites: {s: {lan: 192.168.1.0/24}, t: {lan: 192.168.2.0/24}}\n",
         HEADER "address s-node 10.70.0.1 fd01:203:405::1\n"
                "address t-node 10.70.0.2 fd01:203:405::2\n"
                "mapped s 192.168.1.0/24 10.200.7.0/24\n"
                "mapped t 192.168.2.0/24 10.200.7.0/24\n",
         HEADER "address s-node 10.70.0.1 fd01:203:405::1\n"
                "address t-node 10.70.0.2 fd01:203:405::2\n"
                "mapped s 192.168.1.0/24 10.200.7.0/24\n"
                "mapped t 192.168.2.0/24 10.200.0.0/24\n",
         1},
        {24, "a mapped prefix of another length", POOL "sites: {s: {lan: 192.168.1.0/24}}\n",
         HEADER "address s-node 10.70.0.1 fd01:203:405::1\n"
                "mapped s 192.168.1.0/24 10.200.7.0/25\n",
         NULL, 0},
        {25, "a LAN in the pool: no node gets an address there, and those that have one move",
         "network: n\naddresses: 10.70.0.0/28\n" HUBS
         "sites: {s: {lan: 10.70.0.0/30}, t: {lan: 10.70.0.6/31}}\n",
         HEADER "address z 10.70.0.2 fd01:203:405::1\nretired address x 10.70.0.1\n",
         HEADER "address s-node 10.70.0.8 fd01:203:405::8\n"
                "address t-node 10.70.0.9 fd01:203:405::9\n"
                "address y 10.70.0.5 fd01:203:405::5\n"
                "address z 10.70.0.4 fd01:203:405::1\n"
                "mapped s 10.70.0.0/30 10.200.0.0/30\n"
                "mapped t 10.70.0.6/31 10.200.0.4/31\n"
                "retired address x 10.70.0.1\n",
         9},
        {26, "a LAN at the end of the pool, which is then exhausted",
         "network: n\naddresses: 10.70.0.0/30\n" HUBS "sites: {s: {lan: 10.70.0.2/31}}\n", NULL,
         NULL, 0},
        {27, "an IPv6 LAN in the pool",
         "network: n\naddresses: [10.70.0.0/24, \"2001:db8::/64\"]\n" ONE_HUB
         "sites: {s: {lan: \"2001:db8::/120\"}}\n",
         NULL,
         "tieline-lock 1\naddress s-node 10.70.0.2 2001:db8::101\n"
         "address z 10.70.0.1 2001:db8::100\n",
         4},
        /* Virtual addresses. */
        {28, "devices on LANs, services, hubs, nodes and devices elsewhere, in this order",
         VIRTUAL("192.168.1.192/29"), VIRTUAL_LOCK,
         VIRTUAL_LOCK "virtual s d 192.168.1.192\nvirtual s e/laptop 192.168.1.196\n"
                      "virtual s t-node 192.168.1.195\nvirtual s web 192.168.1.193\n"
                      "virtual s z 192.168.1.194\n",
         5},
        {29, "they stay", VIRTUAL("192.168.1.192/29"),
         VIRTUAL_LOCK "virtual s d 192.168.1.199\nvirtual s t-node 192.168.1.192\n",
         VIRTUAL_LOCK "virtual s d 192.168.1.199\nvirtual s e/laptop 192.168.1.195\n"
                      "virtual s t-node 192.168.1.192\nvirtual s web 192.168.1.193\n"
                      "virtual s z 192.168.1.194\n",
         3},
        {30, "a range that is too small", VIRTUAL("192.168.1.192/31"), VIRTUAL_LOCK,
         VIRTUAL_LOCK "virtual s d 192.168.1.192\nvirtual s web 192.168.1.193\n", 2},
        {31, "two ranges that overlap, and one of IPv6, where d has no address",
         VIRTUAL("[192.168.1.193/32, 192.168.1.192/31, \"fd77::10/124\"]"), VIRTUAL_LOCK,
         VIRTUAL_LOCK "virtual s d 192.168.1.192\nvirtual s e/laptop fd77::12\n"
                      "virtual s t-node fd77::11\nvirtual s web 192.168.1.193\n"
                      "virtual s z fd77::10\n",
         5},
        {32, "retired ones come last, and the last of all", VIRTUAL("192.168.1.192/30"),
         VIRTUAL_LOCK "virtual s gone 192.168.1.192\nretired virtual s lost 192.168.1.193\n"
                      "virtual s other 10.0.0.1\n",
         VIRTUAL_LOCK "virtual s d 192.168.1.194\nvirtual s t-node 192.168.1.193\n"
                      "virtual s web 192.168.1.195\nvirtual s z 192.168.1.192\n"
                      "retired virtual s other 10.0.0.1\n",
         7},
        {33, "a machine that returns gets its address back", VIRTUAL("192.168.1.192/29"),
         VIRTUAL_LOCK "retired virtual s d 192.168.1.199\n",
         VIRTUAL_LOCK "virtual s d 192.168.1.199\nvirtual s e/laptop 192.168.1.195\n"
                      "virtual s t-node 192.168.1.194\nvirtual s web 192.168.1.192\n"
                      "virtual s z 192.168.1.193\n",
         5},
        {34, "a machine with an address by name needs no other",
         VIRTUAL("{192.168.1.200: d, 192.168.1.192/31: auto}"),
         VIRTUAL_LOCK "virtual s d 192.168.1.193\n",
         VIRTUAL_LOCK "virtual s web 192.168.1.192\nvirtual s z 192.168.1.193\n", 3},
        {35, "two machines with one address, as a merge of locks may leave them",
         VIRTUAL("192.168.1.192/29"),
         VIRTUAL_LOCK "virtual s d 192.168.1.192\nvirtual s z 192.168.1.192\n"
                      "virtual s web 192.168.1.193\nvirtual s t-node 192.168.1.194\n"
                      "virtual s e/laptop 192.168.1.195\n",
         VIRTUAL_LOCK "virtual s d 192.168.1.192\nvirtual s e/laptop 192.168.1.195\n"
                      "virtual s t-node 192.168.1.194\nvirtual s web 192.168.1.193\n"
                      "virtual s z 192.168.1.196\n",
         2},
        {38, "an address in use wins over a retired one", VIRTUAL("192.168.1.192/31"),
         VIRTUAL_LOCK "retired virtual s a 192.168.1.192\nvirtual s d 192.168.1.192\n"
                      "virtual s web 192.168.1.193\nretired virtual s a 192.168.1.193\n",
         VIRTUAL_LOCK "virtual s d 192.168.1.192\nvirtual s web 192.168.1.193\n", 2},
        {36, "without ranges, all are retired", VIRTUAL("{}"),
         VIRTUAL_LOCK "virtual s d 192.168.1.192\n",
         VIRTUAL_LOCK "retired virtual s d 192.168.1.192\n", 1},
        {37, "the last addresses of all",
         "network: n\naddresses: 10.70.0.0/24\n" ONE_HUB
         "sites: {s: {lan: 255.255.255.0/24, virtual: 255.255.255.254/31}}\n"
         "people: {e: {devices: {laptop: {}, phone: {}}}}\n",
         HEADER "address e/laptop 10.70.0.3 fd01:203:405::3\n"
                "address e/phone 10.70.0.4 fd01:203:405::4\n"
                "address s-node 10.70.0.2 fd01:203:405::2\naddress z 10.70.0.1 fd01:203:405::1\n"
                "mapped s 255.255.255.0/24 10.200.0.0/24\n",
         HEADER "address e/laptop 10.70.0.3 fd01:203:405::3\n"
                "address e/phone 10.70.0.4 fd01:203:405::4\n"
                "address s-node 10.70.0.2 fd01:203:405::2\naddress z 10.70.0.1 fd01:203:405::1\n"
                "mapped s 255.255.255.0/24 10.200.0.0/24\n"
                "virtual s e/laptop 255.255.255.255\nvirtual s z 255.255.255.254\n",
         2},
};

static void test_locks(void **state WG_UNUSED)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(locks); i++) {
                struct tl_findings findings = {0};
                uint32_t changes = UINT32_MAX;
                char *after = derive(locks[i].yaml, locks[i].before, &changes, &findings);

                if (!after != !locks[i].after || (after && strcmp(after, locks[i].after) != 0))
                        fail_msg("lock %d (%s): %s", locks[i].number, locks[i].name,
                                 after ? after : findings.items[0].message);
                if (after && changes != locks[i].changes)
                        fail_msg("lock %d (%s): %u changes", locks[i].number, locks[i].name,
                                 changes);
                if (!after && (!tl_findings_has_errors(&findings) || changes != UINT32_MAX))
                        fail_msg("lock %d (%s): fails in silence", locks[i].number, locks[i].name);
                free(after);
                tl_findings_done(&findings);
        }
}

/* ---- random networks that change ---- */

enum { NAMES = 40, ROUNDS = 400, STEPS = 8, YAML_SIZE = 16384 };

struct world {
        struct test_env random;
        bool has_hub[4], has_site[8], has_person[NAMES];
        unsigned int lan[8]; /* third byte of each site's LAN */
        unsigned int cidr;   /* of the pool */
};

/* Writes the network, its entries beginning somewhere in the middle. */
static void write_network(struct world *w, char *out)
{
        FILE *file = test_memfile(out, YAML_SIZE);
        unsigned int from = test_env_below(&w->random, NAMES);

        fprintf(file, "network: n\naddresses: 10.70.0.0/%u\nmapped: 10.200.0.0/20\n", w->cidr);
        fprintf(file, "hubs:\n");
        for (unsigned int i = 0; i < 4; i++)
                if (w->has_hub[(i + from) % 4])
                        fprintf(file, "  h%u: {endpoint: z.example}\n", (i + from) % 4);
        fprintf(file, "sites:\n");
        for (unsigned int i = 0, s = from % 8; i < 8; i++, s = (s + 1) % 8)
                if (w->has_site[s])
                        fprintf(file,
                                "  s%u: {lan: 192.168.%u.0/2%u, devices: {d%u: 192.168.%u.1}, "
                                "virtual: 192.168.%u.%u/%u}\n",
                                s, w->lan[s], 4 + s % 3, s, w->lan[s], w->lan[s], 32 * (s % 2),
                                27 + s % 4);
        fprintf(file, "people:\n");
        for (unsigned int i = 0; i < NAMES; i++)
                if (w->has_person[(i + from) % NAMES])
                        fprintf(file, "  p%u: {devices: {laptop: {}}}\n", (i + from) % NAMES);
        fclose(file);
}

static void change_world(struct world *w)
{
        unsigned int i = test_env_below(&w->random, NAMES);

        switch (test_env_below(&w->random, 4)) {
        case 0:
                w->has_hub[i % 4] = !w->has_hub[i % 4];
                break;
        case 1:
                w->has_site[i % 8] = !w->has_site[i % 8];
                break;
        case 2:
                w->lan[i % 8] = i;
                break;
        default:
                w->has_person[i] = !w->has_person[i];
                break;
        }
}

/* Nothing is there twice; no entry in use lacks a value. */
static void check_unique(const struct tl_lock *lock)
{
        for (uint32_t i = 0; i < lock->address_count; i++) {
                const struct tl_lock_address *a = &lock->addresses[i];

                assert_true(a->is_retired || (a->ip4.family && a->ip6.family));
                for (uint32_t j = 0; j < i; j++) {
                        const struct tl_lock_address *b = &lock->addresses[j];

                        assert_string_not_equal(a->name, b->name);
                        assert_false(a->ip4.family && wg_ip_equal(&a->ip4, &b->ip4));
                        assert_false(a->ip6.family && wg_ip_equal(&a->ip6, &b->ip6));
                }
        }
        for (uint32_t i = 0; i < lock->mapped_count; i++) {
                const struct tl_lock_mapped *a = &lock->mapped[i];

                assert_int_equal(a->mapped.cidr, a->lan.cidr);
                for (uint32_t j = 0; j < i; j++) {
                        const struct tl_lock_mapped *b = &lock->mapped[j];

                        assert_false(wg_prefix_overlaps(&a->mapped, &b->mapped) &&
                                     !(a->is_retired && b->is_retired));
                }
        }
}

/* No address of a site is there twice, and no machine has two at one site. */
static void check_virtuals(const struct tl_lock *lock)
{
        for (uint32_t i = 0; i < lock->virtual_count; i++)
                for (uint32_t j = 0; j < i; j++) {
                        const struct tl_lock_virtual *a = &lock->virtuals[i];
                        const struct tl_lock_virtual *b = &lock->virtuals[j];

                        if (strcmp(a->site, b->site) != 0)
                                continue;
                        assert_false(wg_ip_equal(&a->ip, &b->ip));
                        assert_false(!a->is_retired && !b->is_retired &&
                                     strcmp(a->name, b->name) == 0);
                }
}

/* A machine that has an address in use before and after has the same one, unless the LAN moved. A
 * retired one is gone only if its range has no other address left. */
static void check_stable_virtuals(const struct tl_lock *before, const struct tl_lock *after,
                                  const struct world *w)
{
        for (uint32_t i = 0; i < before->virtual_count; i++) {
                const struct tl_lock_virtual *a = &before->virtuals[i];
                unsigned int site = (unsigned int)(a->site[1] - '0'), in_range = 0;
                struct wg_prefix range = {
                        {WG_FAMILY_IPV4,
                         {192, 168, (uint8_t)w->lan[site], (uint8_t)(32 * (site % 2))}},
                        (uint8_t)(27 + site % 4)};
                bool is_there = false;

                if (!wg_prefix_contains(&range, &a->ip))
                        continue;
                for (uint32_t j = 0; j < after->virtual_count; j++) {
                        const struct tl_lock_virtual *b = &after->virtuals[j];

                        if (strcmp(a->site, b->site) != 0)
                                continue;
                        in_range += wg_prefix_contains(&range, &b->ip);
                        is_there |= wg_ip_equal(&a->ip, &b->ip) && strcmp(a->name, b->name) == 0;
                        if (strcmp(a->name, b->name) == 0 && !a->is_retired && !b->is_retired)
                                assert_true(wg_ip_equal(&a->ip, &b->ip));
                }
                if (!is_there)
                        assert_true(a->is_retired || !w->has_site[site] ||
                                    in_range == 1u << (32 - range.cidr));
        }
}

/* Values that are in use before and after are the same. Retired IPv4 addresses are gone only if no
 * other is left. */
static void check_stable(const struct tl_lock *before, const struct tl_lock *after, unsigned cidr)
{
        uint32_t in_use = 0;
        bool was_reused = false;

        for (uint32_t i = 0; i < after->address_count; i++)
                in_use += after->addresses[i].ip4.family != 0;
        for (uint32_t i = 0; i < before->address_count; i++) {
                const struct tl_lock_address *a = &before->addresses[i], *b = NULL;

                for (uint32_t j = 0; j < after->address_count; j++)
                        if (strcmp(a->name, after->addresses[j].name) == 0)
                                b = &after->addresses[j];
                if (b && (!b->is_retired || !a->is_retired) && a->ip4.family && a->ip6.family) {
                        if (!a->is_retired && !b->is_retired)
                                assert_true(wg_ip_equal(&a->ip4, &b->ip4) &&
                                            wg_ip_equal(&a->ip6, &b->ip6));
                }
                was_reused |= a->ip4.family && (!b || !b->ip4.family);
        }
        if (was_reused)
                assert_int_equal(in_use, (1u << (32 - cidr)) - 2);
        for (uint32_t i = 0; i < before->mapped_count; i++)
                for (uint32_t j = 0; j < after->mapped_count; j++) {
                        const struct tl_lock_mapped *a = &before->mapped[i];
                        const struct tl_lock_mapped *b = &after->mapped[j];

                        if (strcmp(a->site, b->site) == 0 && wg_ip_equal(&a->lan.ip, &b->lan.ip) &&
                            a->lan.cidr == b->lan.cidr)
                                assert_true(wg_ip_equal(&a->mapped.ip, &b->mapped.ip));
                }
}

/* One step: the network changes, and the lock follows. Returns false if the pool is too small. */
static bool step(struct world *w, struct tl_lock *lock, char *yaml)
{
        struct tl_findings findings = {0};
        struct tl_network network;
        struct tl_lock before = {0};
        uint32_t changes;
        bool is_ok;
        size_t len;
        char *text = tl_lock_format(lock, &len);

        assert_non_null(text);
        assert_true(tl_lock_parse(&before, text, len, &findings));
        free(text);
        write_network(w, yaml);
        assert_true(tl_network_parse(&network, yaml, strlen(yaml), &findings));
        is_ok = tl_derive(lock, &network, random_bits, &changes, &findings);
        if (is_ok) {
                check_unique(lock);
                check_stable(&before, lock, w->cidr);
                check_virtuals(lock);
                check_stable_virtuals(&before, lock, w);
                write_network(w, yaml); /* in another order */
                tl_network_done(&network);
                assert_true(tl_network_parse(&network, yaml, strlen(yaml), &findings));
                assert_true(tl_derive(lock, &network, random_bits, &changes, &findings));
                assert_int_equal(changes, 0);
        }
        tl_network_done(&network);
        tl_lock_done(&before);
        tl_findings_done(&findings);
        return is_ok;
}

static void test_histories(void **state WG_UNUSED)
{
        char *yaml = malloc(YAML_SIZE);
        struct world w = {0};

        assert_non_null(yaml);
        test_env_init(&w.random, test_seed("derive"));
        for (int round = 0; round < ROUNDS; round++) {
                struct tl_lock lock = {0};
                uint64_t random = w.random.random;

                memset(&w, 0, sizeof(w));
                test_env_init(&w.random, random + 1);
                w.cidr = 25 + test_env_below(&w.random, 4);
                for (unsigned int i = 0; i < 8; i++)
                        w.lan[i] = i;
                for (int i = 0; i < STEPS; i++) {
                        for (uint32_t j = test_env_below(&w.random, 6); j > 0; j--)
                                change_world(&w);
                        if (!step(&w, &lock, yaml))
                                break;
                }
                tl_lock_done(&lock);
        }
        free(yaml);
}

/* ---- limits ---- */

static void test_many_names(void **state WG_UNUSED)
{
        enum { COUNT = 10000, ROOM = 64 };
        char *yaml = malloc(COUNT * ROOM), *lock, *again;
        struct tl_findings findings = {0};
        uint32_t changes;
        size_t len;

        assert_non_null(yaml);
        len = (size_t)sprintf(yaml, "network: n\naddresses: 10.0.0.0/16\npeople:\n");
        for (int i = 0; i < COUNT; i++)
                len += (size_t)sprintf(yaml + len, "  p%d: {devices: {laptop: {}}}\n", i);
        lock = derive(yaml, NULL, &changes, &findings);
        assert_non_null(lock);
        assert_int_equal(changes, 1 + 2 * COUNT);
        again = derive(yaml, lock, &changes, &findings);
        assert_non_null(again);
        assert_string_equal(lock, again);
        assert_int_equal(changes, 0);
        free(again);
        free(lock);
        free(yaml);
        tl_findings_done(&findings);
}

/* Whichever allocation fails, the failure is reported. */
static void test_memory_runs_out(void **state WG_UNUSED)
{
        static const char yaml[] = VIRTUAL("192.168.1.192/29");
        bool has_failed = true;

        for (long allocations = 0; has_failed; allocations++) {
                struct tl_findings findings = {0};
                struct tl_network network;
                struct tl_lock lock = {0};
                uint32_t changes;

                assert_true(allocations < 1000);
                assert_true(tl_network_parse(&network, yaml, strlen(yaml), &findings));
                heap_fail_after(allocations);
                has_failed = !tl_derive(&lock, &network, random_bits, &changes, &findings);
                heap_fail_after(-1);
                assert_int_equal(has_failed, tl_findings_has_errors(&findings));
                tl_lock_done(&lock);
                tl_network_done(&network);
                tl_findings_done(&findings);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_locks),
                cmocka_unit_test(test_histories),
                cmocka_unit_test(test_many_names),
                cmocka_unit_test(test_memory_runs_out),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
