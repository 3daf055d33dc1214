/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/stampfile.h"
#include "io/devlog.h"
#include "io/fdpass.h"
#include "io/sandbox.h"

WG_ENUM_DEFINE(tl_listener, TL_LISTENERS)

#define REQUESTS(X) \
        X(REQUEST_LISTEN, 1, listen, "listen on a control socket") \
        X(REQUEST_IS_REMOVED, 2, is_removed, "is its file still ours?") \
        X(REQUEST_OPEN_UDP, 3, open_udp, "open the sockets of a port") \
        X(REQUEST_MARK_UDP, 4, mark_udp, "mark what these sockets send") \
        X(REQUEST_FOLLOW, 5, follow, "make a socket that watches the link where it is now") \
        X(REQUEST_SYSLOG, 6, syslog, "connect to syslogd") \
        X(REQUEST_RECALL_STAMP, 7, recall_stamp, "read the latest timestamp of an initiation") \
        X(REQUEST_KEEP_STAMP, 8, keep_stamp, "keep that timestamp for the next daemon")
WG_ENUM_DECLARE(request_kind, REQUESTS)
WG_ENUM_DEFINE(request_kind, REQUESTS)

/* Requests and replies are zeroed before they are filled in. Each has places for descriptors,
 * and the filled places are sent along in order. UDP pair i has the places 2 * i (IPv4) and 2 *
 * i + 1 (IPv6). */
struct request {
        uint32_t kind;
        uint32_t listener;
        uint32_t fwmark;
        uint16_t port;
        uint16_t pair_count; /* to open */
        uint8_t has_fd[TL_FDPASS_MAX];
        uint64_t stamp_ns;
};

struct reply {
        int32_t error; /* 0 or -errno */
        uint32_t number;
        uint16_t port;
        uint8_t has_fd[TL_FDPASS_MAX];
        int32_t nsid;
        struct tl_link link;
        uint64_t stamp_ns;
};

_Static_assert(2 * TL_UDP_PAIRS <= TL_FDPASS_MAX, "one message can carry all sockets of a port");

/* Collects the descriptors of the filled places (-1: empty) and notes which these are. Returns
 * how many. */
static unsigned int gather(const int places[TL_FDPASS_MAX], uint8_t has_fd[TL_FDPASS_MAX],
                           int fds[TL_FDPASS_MAX])
{
        unsigned int count = 0;

        for (unsigned int i = 0; i < TL_FDPASS_MAX; i++) {
                has_fd[i] = places[i] >= 0;
                if (has_fd[i])
                        fds[count++] = places[i];
        }
        return count;
}

/* The reverse. `fds` is full, or ends with -1. */
static void spread(const uint8_t has_fd[TL_FDPASS_MAX], const int fds[TL_FDPASS_MAX],
                   int places[TL_FDPASS_MAX])
{
        unsigned int next = 0;

        for (unsigned int i = 0; i < TL_FDPASS_MAX; i++)
                places[i] = has_fd[i] ? fds[next++] : -1;
}

static void clear(int places[TL_FDPASS_MAX])
{
        for (unsigned int i = 0; i < TL_FDPASS_MAX; i++)
                places[i] = -1;
}

static unsigned int count_places(const uint8_t has_fd[TL_FDPASS_MAX])
{
        unsigned int count = 0;

        for (unsigned int i = 0; i < TL_FDPASS_MAX; i++)
                count += has_fd[i] != 0;
        return count;
}

/* Convert between pairs and the places of their descriptors. */
static void place_pairs(const struct tl_udp_pair *pairs, unsigned int count,
                        int places[TL_FDPASS_MAX])
{
        for (unsigned int i = 0; i < count; i++) {
                places[2 * i] = pairs[i].ipv4.fd;
                places[2 * i + 1] = pairs[i].ipv6.fd;
        }
}

static void find_pairs(const int places[TL_FDPASS_MAX], struct tl_udp_pair *pairs,
                       unsigned int count, uint16_t port)
{
        for (unsigned int i = 0; i < count; i++)
                pairs[i] = (struct tl_udp_pair){.ipv4 = {places[2 * i], WG_FAMILY_IPV4},
                                                .ipv6 = {places[2 * i + 1], WG_FAMILY_IPV6},
                                                .port = port};
}

/* ---- the helper's side ---- */

struct servant {
        int end;
        const struct tl_helper_place *place;
        struct tl_unixsock sockets[TL_LISTENER_COUNT];
};

/* A reply, and the descriptors that go with it, which are closed after sending. */
struct answer {
        struct reply reply;
        int places[TL_FDPASS_MAX];
        bool keeps_fds; /* they stay open */
};

static void serve_listen(struct servant *servant, const struct request *request,
                         struct answer *answer)
{
        const struct tl_helper_place *place = servant->place;
        struct tl_unixsock *sock = &servant->sockets[request->listener];
        const char *directory = place->directories[request->listener];
        int adopted = place->adopted[request->listener];

        if (sock->fd >= 0)
                answer->reply.error = -EALREADY;
        else if (adopted >= 0)
                answer->reply.error = tl_unixsock_adopt(sock, adopted, directory, place->tun->name);
        else
                answer->reply.error = tl_unixsock_listen(sock, directory, place->tun->name);
        if (answer->reply.error)
                return;
        answer->places[0] = sock->fd;
        answer->places[1] = sock->watch_fd;
        answer->keeps_fds = true;
}

static void serve_open_udp(const struct servant *servant, const struct request *request,
                           struct answer *answer)
{
        struct tl_udp_pair pairs[TL_UDP_PAIRS];

        answer->reply.error = tl_udp_open_pairs(pairs, request->pair_count, request->port,
                                                request->fwmark);
        if (answer->reply.error)
                return;
        for (unsigned int i = 0; i < request->pair_count && servant->place->receives_pieces; i++)
                tl_udp_receive_pieces(&pairs[i]);
        answer->reply.port = pairs[0].port;
        place_pairs(pairs, request->pair_count, answer->places);
}

/* Stops at the first failure. */
static void serve_mark_udp(const struct request *request, const int fds[TL_FDPASS_MAX],
                           struct answer *answer)
{
        struct tl_udp_pair pairs[TL_UDP_PAIRS];
        int places[TL_FDPASS_MAX];

        spread(request->has_fd, fds, places);
        find_pairs(places, pairs, TL_UDP_PAIRS, 0);
        for (unsigned int i = 0; i < TL_UDP_PAIRS && !answer->reply.error; i++)
                answer->reply.error = tl_udp_mark_pair(&pairs[i], request->fwmark);
}

static void serve_follow(struct servant *servant, struct answer *answer)
{
        struct tl_netlink_view view;

        answer->reply.error = tl_tun_view(&servant->place->tun->queues[0], &view);
        if (answer->reply.error)
                return;
        answer->reply.nsid = view.nsid;
        answer->reply.link = view.link;
        answer->places[0] = view.events;
        answer->places[1] = view.questions;
}

static void serve_syslog(struct answer *answer)
{
        int connection = tl_devlog_connect();

        if (connection < 0)
                answer->reply.error = connection;
        else
                answer->places[0] = connection;
}

/* The file is next to the status socket, in a directory of ours that does not survive a reboot. */
static void serve_recall_stamp(const struct servant *servant, struct answer *answer)
{
        const struct tl_helper_place *place = servant->place;

        answer->reply.error = tl_stampfile_read(place->directories[TL_LISTENER_STATUS],
                                                place->tun->name, &answer->reply.stamp_ns);
}

static void serve_keep_stamp(const struct servant *servant, const struct request *request,
                             struct answer *answer)
{
        const struct tl_helper_place *place = servant->place;

        answer->reply.error = tl_stampfile_write(place->directories[TL_LISTENER_STATUS],
                                                 place->tun->name, request->stamp_ns);
}

static void serve(struct servant *servant, const struct request *request,
                  const int fds[TL_FDPASS_MAX], struct answer *answer)
{
        switch ((enum request_kind)request->kind) {
        case REQUEST_LISTEN:
                serve_listen(servant, request, answer);
                break;
        case REQUEST_IS_REMOVED:
                answer->reply.number = tl_unixsock_is_removed(&servant->sockets[request->listener]);
                break;
        case REQUEST_OPEN_UDP:
                serve_open_udp(servant, request, answer);
                break;
        case REQUEST_MARK_UDP:
                serve_mark_udp(request, fds, answer);
                break;
        case REQUEST_FOLLOW:
                serve_follow(servant, answer);
                break;
        case REQUEST_SYSLOG:
                serve_syslog(answer);
                break;
        case REQUEST_RECALL_STAMP:
                serve_recall_stamp(servant, answer);
                break;
        case REQUEST_KEEP_STAMP:
                serve_keep_stamp(servant, request, answer);
                break;
        }
}

/* Whether kind, listener and number of sockets are in range. */
static bool is_sound(const struct request *request, int fd_count)
{
        return wg_enum_by_value(&request_kind_enum, request->kind) &&
               request->listener < TL_LISTENER_COUNT &&
               (request->kind != REQUEST_OPEN_UDP || request->pair_count >= 1) &&
               request->pair_count <= TL_UDP_PAIRS &&
               count_places(request->has_fd) == (unsigned int)fd_count;
}

static int send_answer(int end, struct answer *answer)
{
        unsigned int count = 0;
        int fds[TL_FDPASS_MAX], error;

        if (answer->reply.error == 0)
                count = gather(answer->places, answer->reply.has_fd, fds);
        error = tl_fdpass_send(end, &answer->reply, sizeof(answer->reply), fds, count);
        for (unsigned int i = 0; i < count && !answer->keeps_fds; i++)
                close(fds[i]);
        return error;
}

/* Answers until the daemon is gone, or sends a request that only an attacker would send. */
static void serve_all(struct servant *servant)
{
        for (;;) {
                struct answer answer = {.keeps_fds = false};
                struct request request;
                int fds[TL_FDPASS_MAX], count, error;

                clear(answer.places);
                count = tl_fdpass_receive(servant->end, &request, sizeof(request), fds);
                if (count < 0)
                        return;
                if (!is_sound(&request, count)) {
                        tl_fdpass_close(fds);
                        return;
                }
                serve(servant, &request, fds, &answer);
                error = send_answer(servant->end, &answer);
                tl_fdpass_close(fds);
                if (error)
                        return;
        }
}

/* Only the daemon ends the helper. The helper must not hold the daemon's output open: a process
 * that reads it may wait for its end. */
static void detach(void)
{
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        signal(SIGINT, SIG_IGN);
        signal(SIGTERM, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
        signal(SIGPIPE, SIG_IGN);
        for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
                dup2(null, fd);
        if (null > STDERR_FILENO)
                close(null);
        (void)!chdir("/");
}

static WG_NORETURN void run(struct servant *servant)
{
        const uint64_t keep = 1ull << CAP_NET_ADMIN | 1ull << CAP_NET_BIND_SERVICE |
                              1ull << CAP_NET_BROADCAST | 1ull << CAP_SYS_ADMIN;

        prctl(PR_SET_NAME, "tielined-helper");
        detach();
        tl_sandbox_drop(NULL, keep);
        /* A kernel may lack seccomp filters, but a shortage of memory must not disable ours. */
        if (tl_sandbox_confine(TL_CONFINE_HELPER) == -ENOMEM)
                _exit(1);
        serve_all(servant);
        for (unsigned int i = 0; i < TL_LISTENER_COUNT; i++)
                tl_unixsock_done(&servant->sockets[i]);
        _exit(0);
}

/* ---- the daemon's side ---- */

int tl_helper_start(struct tl_helper *helper, const struct tl_helper_place *place,
                    void (*forget)(void *ctx), void *ctx)
{
        struct servant servant = {.place = place};
        int ends[2], error = tl_fdpass_pair(ends);

        *helper = (struct tl_helper){.end = -1};
        if (error)
                return error;
        for (unsigned int i = 0; i < TL_LISTENER_COUNT; i++)
                servant.sockets[i].fd = servant.sockets[i].watch_fd = -1;
        helper->process = fork();
        if (helper->process < 0) {
                error = -errno;
                close(ends[0]);
                close(ends[1]);
                return error;
        }
        if (helper->process == 0) {
                close(ends[0]);
                servant.end = ends[1];
                forget(ctx);
                run(&servant);
        }
        close(ends[1]);
        helper->end = ends[0];
        /* These belong to the helper now. */
        for (unsigned int i = 0; i < TL_LISTENER_COUNT; i++)
                if (place->adopted[i] >= 0)
                        close(place->adopted[i]);
        return 0;
}

void tl_helper_done(struct tl_helper *helper)
{
        if (helper->end < 0)
                return;
        close(helper->end);
        helper->end = -1;
        while (waitpid(helper->process, NULL, 0) < 0 && errno == EINTR)
                continue;
}

/* Receives the outstanding reply to keep_stamp. Returns 0 or -errno. */
static int settle(struct tl_helper *helper)
{
        struct reply reply;
        int got[TL_FDPASS_MAX], error;

        if (!helper->owes_reply)
                return 0;
        error = tl_fdpass_receive(helper->end, &reply, sizeof(reply), got);
        if (error < 0)
                return error;
        tl_fdpass_close(got);
        helper->owes_reply = false;
        helper->keep_error = reply.error;
        return 0;
}

/* Sends a request and waits for its reply. Returns the reply's error, or why there was no reply. */
static int ask(struct tl_helper *helper, const struct request *request, const int *sent,
               unsigned int sent_count, struct reply *reply, int places[TL_FDPASS_MAX])
{
        int got[TL_FDPASS_MAX], error = settle(helper);

        clear(places);
        if (error)
                return error;
        error = tl_fdpass_send(helper->end, request, sizeof(*request), sent, sent_count);
        if (error)
                return error;
        error = tl_fdpass_receive(helper->end, reply, sizeof(*reply), got);
        if (error < 0)
                return error;
        spread(reply->has_fd, got, places);
        return reply->error;
}

int tl_helper_listen(struct tl_helper *helper, enum tl_listener listener, struct tl_unixsock *sock)
{
        const struct request request = {.kind = REQUEST_LISTEN, .listener = listener};
        struct reply reply;
        int places[TL_FDPASS_MAX], error = ask(helper, &request, NULL, 0, &reply, places);

        *sock = (struct tl_unixsock){.fd = places[0], .watch_fd = places[1]};
        return error;
}

bool tl_helper_is_removed(struct tl_helper *helper, enum tl_listener listener,
                          const struct tl_unixsock *sock)
{
        const struct request request = {.kind = REQUEST_IS_REMOVED, .listener = listener};
        struct reply reply;
        int places[TL_FDPASS_MAX];

        tl_unixsock_quiet(sock);
        return ask(helper, &request, NULL, 0, &reply, places) == 0 && reply.number;
}

int tl_helper_open_udp(struct tl_helper *helper, struct tl_udp_pair *pairs, unsigned int count,
                       uint16_t port, uint32_t fwmark)
{
        const struct request request = {.kind = REQUEST_OPEN_UDP,
                                        .port = port,
                                        .fwmark = fwmark,
                                        .pair_count = (uint16_t)count};
        struct reply reply = {.port = 0};
        int places[TL_FDPASS_MAX], error = ask(helper, &request, NULL, 0, &reply, places);

        find_pairs(places, pairs, count, reply.port);
        return error;
}

int tl_helper_mark_udp(struct tl_helper *helper, const struct tl_udp_pair *pairs,
                       unsigned int count, uint32_t fwmark)
{
        struct request request = {.kind = REQUEST_MARK_UDP, .fwmark = fwmark};
        int sent[TL_FDPASS_MAX], places[TL_FDPASS_MAX];
        struct reply reply;
        unsigned int sent_count;

        clear(places);
        place_pairs(pairs, count, places);
        sent_count = gather(places, request.has_fd, sent);
        return ask(helper, &request, sent, sent_count, &reply, places);
}

int tl_helper_connect_syslog(struct tl_helper *helper)
{
        const struct request request = {.kind = REQUEST_SYSLOG};
        struct reply reply;
        int places[TL_FDPASS_MAX], error = ask(helper, &request, NULL, 0, &reply, places);

        return error ? error : places[0];
}

int tl_helper_follow(struct tl_helper *helper, struct tl_netlink_monitor *monitor)
{
        const struct request request = {.kind = REQUEST_FOLLOW};
        struct tl_netlink_view view;
        struct reply reply;
        int places[TL_FDPASS_MAX], error = ask(helper, &request, NULL, 0, &reply, places);

        if (error)
                return error;
        view = (struct tl_netlink_view){.events = places[0],
                                        .questions = places[1],
                                        .nsid = reply.nsid,
                                        .link = reply.link};
        return tl_netlink_monitor_adopt(monitor, &view);
}

int tl_helper_recall_stamp(struct tl_helper *helper, uint64_t *real_ns)
{
        const struct request request = {.kind = REQUEST_RECALL_STAMP};
        struct reply reply;
        int places[TL_FDPASS_MAX], error = ask(helper, &request, NULL, 0, &reply, places);

        if (!error)
                *real_ns = reply.stamp_ns;
        return error;
}

int tl_helper_keep_stamp(struct tl_helper *helper, uint64_t real_ns)
{
        const struct request request = {.kind = REQUEST_KEEP_STAMP, .stamp_ns = real_ns};
        int error;

        (void)!tl_helper_keep_error(helper);
        if (helper->owes_reply)
                return -EAGAIN;
        error = tl_fdpass_send(helper->end, &request, sizeof(request), NULL, 0);
        helper->owes_reply = !error;
        return error;
}

int tl_helper_keep_error(struct tl_helper *helper)
{
        if (helper->owes_reply && tl_fdpass_is_waiting(helper->end))
                (void)!settle(helper);
        return helper->keep_error;
}
