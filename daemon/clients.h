/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * clients.h - those who are connected to one listening socket, whatever they speak.
 *
 * Requests follow each other on a connection. A client that stalls in the middle of one, or does not
 * read its reply, holds up nobody else: each step reads or sends no more than the socket has or takes,
 * replies are made piece by piece as fast as they are read, and nothing more is read from a client
 * while a reply is on its way to it, or is still to be found.
 * Threads: the engine's. */
#ifndef DAEMON_CLIENTS_H
#define DAEMON_CLIENTS_H

#include "base/list.h"
#include "io/log.h"
#include "io/loop.h"
#include "io/unixsock.h"

enum { TL_CLIENT_INPUT_SIZE = 16384, TL_CLIENT_REPLY_SIZE = 16384 };

/* One connection; what a protocol keeps of it stands behind, in a struct that begins with this one.
 * The fields are clients.c's. */
struct tl_client {
        struct tl_clients *clients;
        struct wg_list node;
        struct tl_watch watch;
        int fd;

        /* Bytes that were read, and not parsed yet since a reply comes first. */
        char input[TL_CLIENT_INPUT_SIZE];
        size_t input_at, input_len;

        /* The reply, or as much of it as is made. */
        char reply[TL_CLIENT_REPLY_SIZE];
        size_t reply_at, reply_len;
        bool is_telling;  /* the protocol has more */
        bool is_deferred; /* the protocol does not know yet what to reply */
};

/* What is spoken. */
struct tl_clients_protocol {
        const char *socket; /* what its socket is called in the log */
        size_t client_size; /* of the struct that begins with a struct tl_client */
        unsigned int clients_max;

        /* A client came; what stands behind its struct tl_client is zeroed. */
        void (*begin)(struct tl_client *client);

        /* Takes bytes up to the end of one request, which it answers by tl_client_reply(),
         * tl_client_tell() or tl_client_defer(); all of them where none ends. Returns how many it took. They are wiped
         * by the caller. */
        size_t (*parse)(struct tl_client *client, const char *bytes, size_t len);

        /* Writes the next piece of what tl_client_tell() began. Returns its length; 0: that was
         * all. */
        size_t (*tell)(struct tl_client *client, char *out, size_t size);

        /* The client is gone. All of its struct is wiped and freed by the caller. */
        void (*end)(struct tl_client *client);
};

struct tl_clients {
        const struct tl_clients_protocol *protocol;
        void *ctx; /* the protocol's */
        struct tl_loop *loop;
        struct tl_log *log;
        struct wg_list list;
        unsigned int count;
        const struct tl_unixsock *sock;
        struct tl_watch listen_watch;
        uint64_t accept_again_ns; /* accepting failed: when to try anew; 0: it did not */
        bool is_paused;           /* tell() is not called */
};

/* No clients, and no socket. All is borrowed until done(). */
void tl_clients_init(struct tl_clients *clients, const struct tl_clients_protocol *protocol,
                     void *ctx, struct tl_loop *loop, struct tl_log *log);

/* Takes in whoever connects to a listening socket, which is borrowed until done(). Returns 0 or
 * -errno. */
int tl_clients_listen(struct tl_clients *clients, const struct tl_unixsock *sock) WG_MUST_USE;

/* Tries again what had no descriptors or memory. Returns when to be called next, or TL_LOOP_NEVER. */
uint64_t tl_clients_work(struct tl_clients *clients, uint64_t now_ns);

/* While paused, no client is told anything by tell(): what it would tell of is changing. */
void tl_clients_pause(struct tl_clients *clients, bool is_paused);

/* Ends all connections. Takes zeroed memory. */
void tl_clients_done(struct tl_clients *clients);

/* ---- for protocols, within parse() ---- */

/* The reply is this text, of at most TL_CLIENT_REPLY_SIZE bytes. */
void tl_client_reply(struct tl_client *client, const char *text, size_t len);

/* The reply is what tell() writes. */
void tl_client_tell(struct tl_client *client);

/* There will be a reply: when it is known, tl_client_reply() or tl_client_tell() is called, and then
 * tl_client_resume(), not within parse(). If the client is gone before, end() is called as ever. */
void tl_client_defer(struct tl_client *client);
void tl_client_resume(struct tl_client *client);

#endif
