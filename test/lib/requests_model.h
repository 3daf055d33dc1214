/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * requests_model.h - the configuration of a device as plain lists, and requests that change it: the
 * naive twin of daemon/apply.c.
 *
 * Everything is an index into a small list (keys, endpoints, prefixes), so that random requests
 * keep naming the same things.
 * Source: wireguard.com/xplatform; doc/uapi.md. */
#ifndef TEST_LIB_REQUESTS_MODEL_H
#define TEST_LIB_REQUESTS_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
        MODEL_PRIVATE_KEYS = 5,
        MODEL_PUBLIC_KEYS = MODEL_PRIVATE_KEYS + 2, /* and two that belong to none of them */
        MODEL_PSKS = 3,                             /* 0: none */
        MODEL_ENDPOINTS = 10,
        MODEL_PREFIXES = 96,
        MODEL_ENTRIES = 8,
        MODEL_IPS = 160, /* of an entry */
        MODEL_NONE = -1,
};

/* One peer of a request: the lines after a public_key. */
struct model_entry {
        int key;
        bool remove, update_only, replace_ips, has_psk, has_endpoint, has_keepalive;
        bool flags_last; /* remove and update_only come last */
        int psk, endpoint;
        unsigned int keepalive_s;
        int ips[MODEL_IPS];
        bool is_removed[MODEL_IPS]; /* -IP/bits */
        int ip_count;
};

struct model_request {
        bool has_private_key, has_port, has_fwmark, replace_peers;
        int private_key; /* MODEL_NONE: zeros */
        unsigned int port, fwmark;
        const char *mistake; /* an invalid last line; NULL: the request is valid */
        struct model_entry entries[MODEL_ENTRIES];
        int entry_count;
};

struct model_peer {
        int key, psk, endpoint; /* MODEL_NONE: no endpoint */
        unsigned int keepalive_s;
        int ips[MODEL_PREFIXES];
        int ip_count;
};

/* Peers in the order they were made, prefixes in the order they were given. */
struct model {
        int private_key;
        unsigned int port, fwmark;
        struct model_peer peers[MODEL_PUBLIC_KEYS];
        int peer_count;
};

/* Fills the lists. Call it first, after crypto/ was started. */
void model_init(void);

/* Begins with an unconfigured device. */
void model_begin(struct model *model);

/* Carries out a valid request. */
void model_apply(struct model *model, const struct model_request *request);

/* Whether an entry's endpoint has a zone without a link. */
bool model_has_unknown_zone(const struct model_request *request);

/* Write a request, and the reply to get=1, with byte counts and times of handshakes all 0. */
void model_write_request(const struct model_request *request, FILE *out);
void model_write_get(const struct model *model, FILE *out);

/* The key of the peer that has the longest prefix for the first address of a prefix; MODEL_NONE:
 * there is no such peer. */
int model_find(const struct model *model, int prefix);

/* That address and its family (4 or 6), and a public key. */
const uint8_t *model_address(int prefix, unsigned int *family);
const uint8_t *model_public_key(int key);

#endif
