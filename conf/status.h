/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * status.h - the status protocol: the state of a running device, as bytes on a stream.
 *
 * The request is the line `get=1` and a blank line. The reply is `version=1`, lines of key=value,
 * `errno=N` and a blank line; doc/status.md describes every key. New keys may appear without a
 * new version, so readers ignore unknown ones. A request with a mistake is read up to its blank
 * line, and the reply is only the version and errno:
 *
 *     EPROTO  the first line is not get=1
 *     EINVAL  anything after it
 *
 * Nothing here is secret, but the number of peers and their state are private.
 * Threads: pure functions of their arguments. */
#ifndef CONF_STATUS_H
#define CONF_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"
#include "conf/error.h"
#include "conf/text.h"
#include "conf/writer.h"

#define TL_STATUS_SECTIONS(X) \
        X(TL_STATUS_SECTION_DEVICE, 0, device, "Interface") \
        X(TL_STATUS_SECTION_SOCKETS, 1, sockets, "Sockets") \
        X(TL_STATUS_SECTION_PEERS, 2, peers, "Peers") \
        X(TL_STATUS_SECTION_TRAFFIC, 3, traffic, "Traffic") \
        X(TL_STATUS_SECTION_HANDSHAKES, 4, handshakes, "Handshakes") \
        X(TL_STATUS_SECTION_QUEUES, 5, queues, "Queues") \
        X(TL_STATUS_SECTION_PROCESS, 6, process, "Process") \
        X(TL_STATUS_SECTION_DROPS, 7, drops, "Drops") \
        X(TL_STATUS_SECTION_OTHER, 8, other, "Other")
WG_ENUM_DECLARE(tl_status_section, TL_STATUS_SECTIONS)

#define TL_STATUS_KINDS(X) \
        X(TL_STATUS_TEXT, 0, text, "words") \
        X(TL_STATUS_FLAG, 1, flag, "true or false") \
        X(TL_STATUS_COUNT, 2, count, "number that only grows while the daemon runs") \
        X(TL_STATUS_LEVEL, 3, level, "current value")
WG_ENUM_DECLARE(tl_status_kind, TL_STATUS_KINDS)

/* All keys except drops: constant, section, kind, name, label. A name that ends in _bytes or _s
 * is in that unit. */
#define TL_STATUS_KEYS(X) \
        X(TL_STATUS_INTERFACE, DEVICE, TEXT, interface, "name at start") \
        X(TL_STATUS_LINK_UP, DEVICE, FLAG, link_up, "up") \
        X(TL_STATUS_LINK_FOLLOWED, DEVICE, FLAG, link_followed, "link changes tracked") \
        X(TL_STATUS_MTU, DEVICE, LEVEL, mtu, "MTU") \
        X(TL_STATUS_LISTEN_PORT, SOCKETS, LEVEL, listen_port, "UDP port") \
        X(TL_STATUS_FWMARK, SOCKETS, LEVEL, fwmark, "firewall mark") \
        X(TL_STATUS_BOUND_IPV4, SOCKETS, FLAG, bound_ipv4, "IPv4 socket bound") \
        X(TL_STATUS_BOUND_IPV6, SOCKETS, FLAG, bound_ipv6, "IPv6 socket bound") \
        X(TL_STATUS_SOCKET_QUEUE, SOCKETS, LEVEL, socket_queue_bytes, "receive buffers, used") \
        X(TL_STATUS_SOCKET_ROOM, SOCKETS, LEVEL, socket_room_bytes, "receive buffers, limit") \
        X(TL_STATUS_SOCKET_DROPS, SOCKETS, LEVEL, socket_drops, "dropped, receive buffer full") \
        X(TL_STATUS_ROUTE_EVENTS, SOCKETS, COUNT, route_events, "routing events") \
        X(TL_STATUS_ROUTE_LOOKUPS, SOCKETS, COUNT, route_lookups, "route lookups") \
        X(TL_STATUS_SOURCES_DROPPED, SOCKETS, COUNT, sources_dropped, "reply addresses dropped") \
        X(TL_STATUS_PEERS, PEERS, LEVEL, peers, "configured") \
        X(TL_STATUS_PEERS_IN_SESSION, PEERS, LEVEL, peers_in_session, "with a session") \
        X(TL_STATUS_SESSIONS, PEERS, LEVEL, sessions, "sessions") \
        X(TL_STATUS_PEERS_ASKED, PEERS, LEVEL, peers_asked, "awaiting a handshake response") \
        X(TL_STATUS_TX_PACKETS, TRAFFIC, COUNT, tx_packets, "TX packets") \
        X(TL_STATUS_TX_BYTES, TRAFFIC, COUNT, tx_bytes, "TX bytes") \
        X(TL_STATUS_TX_ERRORS, TRAFFIC, COUNT, tx_errors, "TX errors") \
        X(TL_STATUS_RX_PACKETS, TRAFFIC, COUNT, rx_packets, "RX packets") \
        X(TL_STATUS_RX_KEEPALIVES, TRAFFIC, COUNT, rx_keepalives, "RX keepalives") \
        X(TL_STATUS_RX_BYTES, TRAFFIC, COUNT, rx_bytes, "RX bytes") \
        X(TL_STATUS_TUN_ERRORS, TRAFFIC, COUNT, tun_errors, "packets refused by the TUN") \
        X(TL_STATUS_SUPERPACKETS_READ, TRAFFIC, COUNT, superpackets_read, \
          "superpackets from the TUN") \
        X(TL_STATUS_PIECES_SENT, TRAFFIC, COUNT, pieces_sent, "UDP batches sent") \
        X(TL_STATUS_PIECES_RECEIVED, TRAFFIC, COUNT, pieces_received, "UDP batches received") \
        X(TL_STATUS_SUPERPACKETS_WRITTEN, TRAFFIC, COUNT, superpackets_written, \
          "superpackets to the TUN") \
        X(TL_STATUS_OFFLOADS_REFUSED, TRAFFIC, COUNT, offloads_refused, "offloads refused") \
        X(TL_STATUS_INITIATIONS_SENT, HANDSHAKES, COUNT, initiations_sent, "initiations sent") \
        X(TL_STATUS_INITIATIONS_RECEIVED, HANDSHAKES, COUNT, initiations_received, \
          "initiations received") \
        X(TL_STATUS_RESPONSES_SENT, HANDSHAKES, COUNT, responses_sent, "responses sent") \
        X(TL_STATUS_RESPONSES_RECEIVED, HANDSHAKES, COUNT, responses_received, \
          "responses received") \
        X(TL_STATUS_COOKIES_SENT, HANDSHAKES, COUNT, cookies_sent, "cookies sent") \
        X(TL_STATUS_COOKIES_RECEIVED, HANDSHAKES, COUNT, cookies_received, "cookies received") \
        X(TL_STATUS_HANDSHAKES_INITIATED, HANDSHAKES, COUNT, handshakes_initiated, \
          "completed, started by us") \
        X(TL_STATUS_HANDSHAKES_RESPONDED, HANDSHAKES, COUNT, handshakes_responded, \
          "completed, started by peers") \
        X(TL_STATUS_HANDSHAKES_REFUSED, HANDSHAKES, COUNT, handshakes_refused, \
          "messages refused (see Drops)") \
        X(TL_STATUS_HANDSHAKES_GIVEN_UP, HANDSHAKES, COUNT, handshakes_given_up, \
          "attempts given up") \
        X(TL_STATUS_UNDER_LOAD, QUEUES, FLAG, under_load, "under load") \
        X(TL_STATUS_HANDSHAKE_INBOX, QUEUES, LEVEL, handshake_inbox_bytes, "handshake inbox") \
        X(TL_STATUS_PREFERRED_INBOX, QUEUES, LEVEL, preferred_inbox_bytes, \
          "handshake inbox, preferred") \
        X(TL_STATUS_HANDSHAKE_QUEUE, QUEUES, LEVEL, handshake_queue, "handshake queue, depth") \
        X(TL_STATUS_HANDSHAKE_QUEUE_MAX, QUEUES, LEVEL, handshake_queue_max, \
          "handshake queue, limit") \
        X(TL_STATUS_PACKET_INBOX, QUEUES, LEVEL, packet_inbox_bytes, "packet inbox") \
        X(TL_STATUS_STAGED_PACKETS, QUEUES, LEVEL, staged_packets, "packets awaiting a session") \
        X(TL_STATUS_STAGED_BYTES, QUEUES, LEVEL, staged_bytes, "memory of these packets, used") \
        X(TL_STATUS_STAGED_BYTES_MAX, QUEUES, LEVEL, staged_max_bytes, \
          "memory of these packets, limit") \
        X(TL_STATUS_LIMITED_SOURCES, QUEUES, LEVEL, limited_sources, "rate limiter, sources") \
        X(TL_STATUS_LIMITED_SOURCES_MAX, QUEUES, LEVEL, limited_sources_max, \
          "rate limiter, limit") \
        X(TL_STATUS_RETIRED, QUEUES, LEVEL, retired_objects, "objects awaiting release") \
        X(TL_STATUS_CONTROL_CLIENTS, QUEUES, LEVEL, control_clients, "configuration clients") \
        X(TL_STATUS_STATUS_CLIENTS, QUEUES, LEVEL, status_clients, "status clients") \
        X(TL_STATUS_DAEMON, PROCESS, TEXT, daemon, "tielined version") \
        X(TL_STATUS_PID, PROCESS, LEVEL, pid, "PID") \
        X(TL_STATUS_UPTIME, PROCESS, LEVEL, uptime_s, "uptime") \
        X(TL_STATUS_WORKERS, PROCESS, LEVEL, workers, "worker threads") \
        X(TL_STATUS_AEAD, PROCESS, TEXT, aead, "AEAD") \
        X(TL_STATUS_OFFLOAD_TUN, PROCESS, FLAG, offload_tun, "TUN offload") \
        X(TL_STATUS_OFFLOAD_UDP, PROCESS, FLAG, offload_udp, "UDP offload") \
        X(TL_STATUS_OFFLOADS, PROCESS, TEXT, offloads, "offloads in use") \
        X(TL_STATUS_HARDENING, PROCESS, TEXT, hardening, "key memory protection") \
        X(TL_STATUS_SANDBOX, PROCESS, TEXT, sandbox, "sandbox") \
        X(TL_STATUS_ENGINE_BYTES, PROCESS, LEVEL, engine_bytes, "engine memory") \
        X(TL_STATUS_INBOX_BYTES, PROCESS, LEVEL, inbox_bytes, "inbox memory")

#define TL_STATUS_CONSTANT_(constant, section, kind, name, text) constant,
enum tl_status_key { TL_STATUS_KEYS(TL_STATUS_CONSTANT_) TL_STATUS_KEY_COUNT };

struct tl_status_key_info {
        const char *name, *text;
        enum tl_status_section section;
        enum tl_status_kind kind;
};

/* By enum tl_status_key. */
extern const struct tl_status_key_info tl_status_keys[TL_STATUS_KEY_COUNT];

/* Before the name of a verdict: how many packets or messages it dropped. */
#define TL_STATUS_DROP "drop_"

#define TL_STATUS_REQUEST "get=1\n\n"

/* ---- the daemon's side ---- */

#define TL_STATUS_EVENTS(X) \
        X(TL_STATUS_MORE, 0, more, "the request is incomplete") \
        X(TL_STATUS_GET, 1, get, "a status request") \
        X(TL_STATUS_MISTAKE, 2, mistake, "an invalid request")
WG_ENUM_DECLARE(tl_status_event, TL_STATUS_EVENTS)

/* The parser of one connection. Zeroed memory is a parser that has read nothing. */
struct tl_status_parser {
        int errnum;       /* readable after TL_STATUS_MISTAKE: positive */
        uint8_t lines;    /* complete ones, counted up to 2 */
        uint8_t line_len; /* of the incomplete line, counted up to one more than a valid one has */
        uint8_t matched;  /* bytes of it that match a valid one */
};

/* Takes bytes up to the end of a request, *used of them (all for TL_STATUS_MORE). Call it again
 * with the rest. */
enum tl_status_event tl_status_parser_feed(struct tl_status_parser *parser, const char *bytes,
                                           size_t len, size_t *used) WG_MUST_USE;

/* Begins a reply with its version. */
void tl_status_writer_init(struct tl_writer *writer, char *out, size_t size);

/* Append a line: a count or level, a flag, a text without a newline, or the drops of a verdict. */
void tl_status_number(struct tl_writer *writer, enum tl_status_key key, uint64_t value);
void tl_status_flag(struct tl_writer *writer, enum tl_status_key key, bool value);
void tl_status_text(struct tl_writer *writer, enum tl_status_key key, const char *value);
void tl_status_drops(struct tl_writer *writer, const char *verdict, uint64_t count);

/* Ends the reply; errnum is 0 or a positive errno. Returns the length, not terminated; 0: it did
 * not fit. */
size_t tl_status_writer_done(struct tl_writer *writer, int errnum) WG_MUST_USE;

/* ---- the reader's side ---- */

enum { TL_STATUS_REPLY_MAX = 65536, TL_STATUS_FACTS_MAX = 512 };

struct tl_status_fact {
        struct tl_text name, value;
        const struct tl_status_key_info *key; /* NULL: unknown, or drops */
        uint64_t number;                      /* of a count or level, and of drops */
        bool is_number;
};

struct tl_status {
        int errnum; /* of the reply: 0 or positive */
        size_t count;
        struct tl_status_fact facts[TL_STATUS_FACTS_MAX];
};

/* Whether a reply is complete: it ends with a blank line. */
bool tl_status_is_whole(struct tl_text reply) WG_MUST_USE;

/* Reads a reply. It is strict, because the sender is not trusted and a terminal shows the result.
 * The text is borrowed. Returns false, and sets only *error (EPROTO), if it is not a reply. */
bool tl_status_read(struct tl_status *status, struct tl_text reply,
                    struct tl_conf_error *error) WG_MUST_USE;

/* The fact with that key, or NULL. */
const struct tl_status_fact *tl_status_find(const struct tl_status *status, enum tl_status_key key);

/* Whether it has the drops of a verdict, whose name is stored in *verdict. */
bool tl_status_is_drop(const struct tl_status_fact *fact, struct tl_text *verdict) WG_MUST_USE;

#endif
