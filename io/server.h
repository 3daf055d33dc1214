/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * server.h - serves the connections to one listening socket, whatever protocol they speak.
 *
 * A connection carries one request after another. One that stalls in the middle of a request, or
 * does not read its reply, delays no other: each step reads or sends only as much as the socket has
 * or accepts, and a reply is made piece by piece, as fast as it is read. Nothing more is read from
 * a connection until its reply is sent.
 *
 * A reply is a text, or a stream of pieces. Both may be "nothing yet": the protocol defers, and
 * resumes when there is something to send.
 * Threads: the loop's. */
#ifndef IO_SERVER_H
#define IO_SERVER_H

#include "base/list.h"
#include "io/log.h"
#include "io/loop.h"

enum { TL_SERVER_INPUT_SIZE = 16384, TL_SERVER_REPLY_SIZE = 16384 };

/* One connection. A protocol keeps its own data in a struct that begins with this one. The fields
 * belong to server.c. */
struct tl_connection {
        struct tl_server *server;
        struct wg_list node;
        struct tl_watch watch;
        int fd;

        /* Bytes that were read, but not parsed yet because a reply must be sent first. */
        char input[TL_SERVER_INPUT_SIZE];
        size_t input_at, input_len;

        /* The reply, or the current piece of it. */
        char reply[TL_SERVER_REPLY_SIZE];
        size_t reply_at, reply_len;
        bool is_streaming; /* fill() has more */
        bool is_deferred;  /* there is nothing to send yet */
};

struct tl_server;

struct tl_server_protocol {
        const char *name;       /* of the socket, for the log */
        size_t connection_size; /* of the struct that begins with a struct tl_connection */
        unsigned int connections_max;

        /* A connection begins. Everything after its struct tl_connection is zeroed. */
        void (*begin)(struct tl_connection *connection);

        /* Takes bytes up to the end of one request, and answers it by tl_connection_reply(),
         * tl_connection_stream() or tl_connection_defer(). Takes all of them if no request ends
         * there. Returns how many it took; the caller wipes them. */
        size_t (*parse)(struct tl_connection *connection, const char *bytes, size_t len);

        /* Writes the next piece of a stream, of at most size bytes. It is called only once the
         * socket has accepted the previous piece, so not while a reader stalls; a protocol whose
         * data does not wait decides itself which data to keep. Returns the length. 0 ends the
         * reply, unless fill() called tl_connection_defer(), which it may also do with the last
         * available piece. */
        size_t (*fill)(struct tl_connection *connection, char *out, size_t size);

        /* The connection ends, maybe in the middle of a reply. The caller wipes and frees it. */
        void (*end)(struct tl_connection *connection);

        /* Resumes connections that now have something to send. Returns when to call again, or
         * TL_LOOP_NEVER. NULL: the protocol resumes them by itself. */
        uint64_t (*work)(struct tl_server *server, uint64_t now_ns);
};

struct tl_server {
        const struct tl_server_protocol *protocol;
        void *ctx; /* the protocol's */
        struct tl_loop *loop;
        struct tl_log *log;
        struct wg_list connections;
        unsigned int count; /* of connections */
        int fd;             /* listens */
        struct tl_watch listen_watch;
        uint64_t accept_again_ns; /* when to retry accept(); 0: it did not fail */
        bool is_paused;           /* fill() is not called */
};

/* Makes a server without connections that does not listen yet. All arguments are borrowed until
 * done(). */
void tl_server_init(struct tl_server *server, const struct tl_server_protocol *protocol, void *ctx,
                    struct tl_loop *loop, struct tl_log *log);

/* Accepts connections from a non-blocking socket that listens, of any family. The descriptor is
 * borrowed until done(). Returns 0 or -errno. */
int tl_server_listen(struct tl_server *server, int fd) WG_MUST_USE;

/* Retries what failed for lack of descriptors or memory, and lets the protocol work. Returns when
 * to call again, or TL_LOOP_NEVER. */
uint64_t tl_server_work(struct tl_server *server, uint64_t now_ns);

/* While paused, the server does not call fill(), because the state it reports is changing. */
void tl_server_pause(struct tl_server *server, bool is_paused);

/* Ends all connections. Accepts zeroed memory. */
void tl_server_done(struct tl_server *server);

/* ---- for protocols ---- */

/* Whether root connected, according to the kernel. False unless it is a Unix socket. */
bool tl_connection_is_of_root(const struct tl_connection *connection) WG_MUST_USE;

/* Replies with this text, of at most TL_SERVER_REPLY_SIZE bytes. Call it from parse(), or before
 * tl_connection_resume(). */
void tl_connection_reply(struct tl_connection *connection, const char *text, size_t len);

/* Replies with the pieces that fill() writes. Call it from parse(), or before
 * tl_connection_resume(). */
void tl_connection_stream(struct tl_connection *connection);

/* There is nothing to send yet. In parse(): the reply comes later, and tl_connection_reply() or
 * tl_connection_stream() says which before tl_connection_resume(). In fill(): the stream continues
 * later, and fill() is called again after tl_connection_resume().
 *
 * Over TCP, a close looks like a shutdown of the sending direction. While a stream waits, either
 * ends the connection. While a late reply is awaited, only a close over a Unix socket or a reset
 * does: the other side may still read. */
void tl_connection_defer(struct tl_connection *connection);

/* Continues after tl_connection_defer(); does nothing if the connection is not deferred. Do not
 * call it from parse(), fill() or end(). It sends nothing at once, but may end the connection. */
void tl_connection_resume(struct tl_connection *connection);

#endif
