/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * office.h - networks in tests, written as YAML, with everything that is derived from it. */
#ifndef TEST_LIB_OFFICE_H
#define TEST_LIB_OFFICE_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/findings.h"
#include "conf/lock.h"
#include "conf/network.h"
#include "net/model.h"

/* Must not move: the model borrows from the rest. */
struct test_office {
        struct tl_network network;
        struct tl_lock lock;
        struct tl_model model; /* empty if the file, or what is derived from it, has mistakes */
        struct tl_findings findings;
};

/* Reads a file of len bytes, derives values into an empty lock, and builds the model. Returns
 * whether there are no mistakes. The ULA is fd01:203:405::/48. */
bool test_office_read(struct test_office *office, const char *yaml, size_t len) WG_MUST_USE;

/* The same for a text that must be without mistakes, or the test fails and shows them. */
void test_office_init(struct test_office *office, const char *yaml);

void test_office_done(struct test_office *office);

/* The index of the node with that name, and the address that is written so; the test fails if there
 * is none. */
uint32_t test_office_node(const struct tl_model *model, const char *name);
struct wg_ip test_office_ip(const char *text);

/* The findings in the order of the file, one per line, in out, which is returned. Each is
 * "LINE:COLUMN: MESSAGE"; then " [LINE:COLUMN]", the other place, if it has one; and "; FIX". */
char *test_office_findings(struct test_office *office, char *out, size_t size);

/* ---- the sample network of most tests ---- */

/* A key, as text in a file: the base64 of 32 bytes that are all n. */
#define TEST_KEY_1 "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
#define TEST_KEY_2 "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="
#define TEST_KEY_3 "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM="
#define TEST_KEY_4 "BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ="
#define TEST_KEY_5 "BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU="
#define TEST_KEY_6 "BgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgY="

/* A hub, two offices and two people, without policy. */
#define TEST_OFFICE_SAMPLE \
        "network: acme\n" \
        "addresses: 10.70.0.0/24\n" \
        "hubs:\n" \
        "  z: {endpoint: \"203.0.113.10:51820\", key: " TEST_KEY_1 "}\n" \
        "sites:\n" \
        "  shenzhen: {lan: 192.168.201.0/24, node: a, key: " TEST_KEY_2 \
        ", devices: {b: 192.168.201.55}}\n" \
        "  beijing: {lan: 192.168.200.0/24, node: c, key: " TEST_KEY_3 \
        ", devices: {d: 192.168.200.244}}\n" \
        "people:\n" \
        "  e: {groups: [developers], devices: {laptop: {key: " TEST_KEY_4 "}}}\n" \
        "  f: {groups: [developers], devices: {laptop: {key: " TEST_KEY_5 \
        "}, phone: {key: " TEST_KEY_6 ", stock: true}}}\n"

#endif
