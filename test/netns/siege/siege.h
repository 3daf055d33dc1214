/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * siege.h - shared by the parts of siege: an attacker with many addresses, and its messages.
 *
 * The host it runs on must hold its sources as local addresses (ip route add local ... dev lo) and
 * the victim must have a route to them.
 * Threads: one. */
#ifndef TEST_NET_SIEGE_SIEGE_H
#define TEST_NET_SIEGE_SIEGE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/identity.h"
#include "core/message.h"
#include "test/lib/tool.h"

enum {
        SIEGE_BATCH = 64,     /* datagrams per system call */
        SIEGE_LEN_MAX = 1472, /* the longest datagram that fits an Ethernet frame over IPv4 */
        SIEGE_INDICES_MAX = 16,
};

union siege_address {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
};

/* A socket that sends from `sources` consecutive addresses, starting with `first`. Each IPv6 source
 * is in its own /64. */
struct siege_net {
        int fd;
        union siege_address victim, first;
        uint32_t sources;
        uint64_t sent, failed; /* datagrams */
};

struct siege_datagram {
        uint8_t *bytes;
        size_t len;
        uint32_t source; /* 0 .. sources - 1 */
};

struct siege_options {
        const char *mode, *to, *port, *from;
        uint32_t sources;
        uint32_t rate; /* datagrams per second; 0: no limit */
        uint32_t duration_ms;
        uint32_t peers;    /* initiators */
        uint32_t retry_ms; /* time until an initiator tries again */
        uint64_t seed;
        uint8_t public_key[WG_KEY_LEN]; /* the victim's */
        uint32_t indices[SIEGE_INDICES_MAX];
        uint32_t index_count;
        const char *captured; /* a file of messages, each after its length (2 bytes, big endian) */
};

/* ---- siege_net.c ---- */

/* Opens the socket; exits the program on failure. */
void siege_net_open(struct siege_net *net, const struct siege_options *o);

/* Sends up to SIEGE_BATCH datagrams. */
void siege_net_send(struct siege_net *net, const struct siege_datagram *datagrams, size_t n);

/* Receives up to SIEGE_BATCH datagrams for our addresses into buffers of SIEGE_LEN_MAX bytes, and
 * sets `source` to the address that each was sent to. Waits for the first until deadline_ns
 * (tool_now_ns()). */
size_t siege_net_receive(struct siege_net *net, struct siege_datagram *datagrams, size_t n,
                         uint64_t deadline_ns);

void siege_random(void *to, size_t len);

/* ---- siege.c ---- */

/* Waits until datagram n is due. Returns false when the time is up or after SIGTERM. */
bool siege_goes_on(const struct siege_options *o, uint64_t begun_ns, uint64_t n);

/* Prints what was sent as name=value, and closes the socket. */
void siege_end(struct siege_net *net, uint64_t begun_ns);

/* ---- the modes ---- */

/* siege_flood.c: forged, truncated, replayed, random. Returns false for another mode. */
bool siege_flood(const struct siege_options *o);

/* siege_handshake.c: initiations, cookies, handshakes, keys. Returns false for another mode. */
bool siege_handshake(const struct siege_options *o);

#endif
