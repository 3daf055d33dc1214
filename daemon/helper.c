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

#include "io/fdpass.h"
#include "io/sandbox.h"

WG_ENUM_DEFINE(tl_listener, TL_LISTENERS)

#define REQUESTS(X) \
        X(REQUEST_LISTEN, 1, listen, "listen on a control socket") \
        X(REQUEST_IS_REMOVED, 2, is_removed, "is its file still ours?") \
        X(REQUEST_OPEN_UDP, 3, open_udp, "open the sockets of a port") \
        X(REQUEST_MARK_UDP, 4, mark_udp, "mark what these sockets send") \
        X(REQUEST_FOLLOW, 5, follow, "make what hears of the link, where it is now")
WG_ENUM_DECLARE(request_kind, REQUESTS)
WG_ENUM_DEFINE(request_kind, REQUESTS)

/* Both are zeroed before they are filled in. */
struct request {
        uint32_t kind;
        uint32_t listener;
        uint32_t fwmark;
        uint16_t port;
        uint16_t has_fd[2]; /* of UDP: which family's descriptors come along, IPv4 first */
};

struct reply {
        int32_t error; /* 0 or -errno */
        uint32_t number;
        uint16_t port;
        uint16_t has_fd[2]; /* which of two possible descriptors come along */
        int32_t nsid;
        struct tl_link link;
};

/* ---- the helper's side ---- */

struct servant {
        int end;
        const struct tl_helper_place *place;
        struct tl_unixsock sockets[TL_LISTENER_COUNT];
};

/* What is answered, and the descriptors that go with it; they are closed after. */
struct answer {
        struct reply reply;
        int fds[2];
        bool keeps_fds; /* they are not to be closed */
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
        answer->fds[0] = sock->fd;
        answer->fds[1] = sock->watch_fd;
        answer->keeps_fds = true;
}

static void serve_open_udp(const struct request *request, struct answer *answer)
{
        struct tl_udp_pair pair;

        answer->reply.error = tl_udp_open_pair(&pair, request->port, request->fwmark);
        if (answer->reply.error)
                return;
        answer->reply.port = pair.port;
        answer->fds[0] = pair.ipv4.fd;
        answer->fds[1] = pair.ipv6.fd;
}

/* Two places for what came as up to two descriptors without gaps. */
static void spread(const uint16_t has_fd[2], const int from[2], int to[2])
{
        unsigned int next = 0;

        for (unsigned int i = 0; i < 2; i++)
                to[i] = has_fd[i] ? from[next++] : -1;
}

static void serve_mark_udp(const struct request *request, const int fds[2], struct answer *answer)
{
        struct tl_udp_pair pair = {.ipv4 = {.family = WG_FAMILY_IPV4},
                                   .ipv6 = {.family = WG_FAMILY_IPV6}};
        int places[2];

        spread(request->has_fd, fds, places);
        pair.ipv4.fd = places[0];
        pair.ipv6.fd = places[1];
        answer->reply.error = tl_udp_mark_pair(&pair, request->fwmark);
}

static void serve_follow(struct servant *servant, struct answer *answer)
{
        struct tl_netlink_view view;

        answer->reply.error = tl_tun_view(&servant->place->tun->queues[0], &view);
        if (answer->reply.error)
                return;
        answer->reply.nsid = view.nsid;
        answer->reply.link = view.link;
        answer->fds[0] = view.events;
        answer->fds[1] = view.questions;
}

static void serve(struct servant *servant, const struct request *request, const int fds[2],
                  struct answer *answer)
{
        switch ((enum request_kind)request->kind) {
        case REQUEST_LISTEN:
                serve_listen(servant, request, answer);
                break;
        case REQUEST_IS_REMOVED:
                answer->reply.number = tl_unixsock_is_removed(&servant->sockets[request->listener]);
                break;
        case REQUEST_OPEN_UDP:
                serve_open_udp(request, answer);
                break;
        case REQUEST_MARK_UDP:
                serve_mark_udp(request, fds, answer);
                break;
        case REQUEST_FOLLOW:
                serve_follow(servant, answer);
                break;
        }
}

/* The kinds that there are, about a listener that there is. */
static bool is_sound(const struct request *request, int fd_count)
{
        return wg_enum_by_value(&request_kind_enum, request->kind) &&
               request->listener < TL_LISTENER_COUNT &&
               (request->has_fd[0] != 0) + (request->has_fd[1] != 0) == fd_count;
}

static int send_answer(int end, struct answer *answer)
{
        unsigned int count = 0;
        int fds[2], error;

        if (answer->reply.error == 0)
                for (unsigned int i = 0; i < 2; i++)
                        if (answer->fds[i] >= 0) {
                                answer->reply.has_fd[i] = 1;
                                fds[count++] = answer->fds[i];
                        }
        error = tl_fdpass_send(end, &answer->reply, sizeof(answer->reply), fds, count);
        for (unsigned int i = 0; i < count && !answer->keeps_fds; i++)
                close(fds[i]);
        return error;
}

/* Answers until the daemon is gone, or says what ours never says. */
static void serve_all(struct servant *servant)
{
        for (;;) {
                struct answer answer = {.fds = {-1, -1}};
                struct request request;
                int fds[TL_FDPASS_MAX], count, error;

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

/* The daemon alone decides when it is over; and nobody waits for what we print. */
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
        /* Without the filter where a kernel has none, but not for lack of memory. */
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
        /* These are the helper's now. */
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

/* Sends a request and waits for its reply. Returns the reply's error, or why there was none. */
static int ask(struct tl_helper *helper, const struct request *request, const int *sent,
               unsigned int sent_count, struct reply *reply, int fds[2])
{
        int got[TL_FDPASS_MAX], error;

        fds[0] = fds[1] = -1;
        error = tl_fdpass_send(helper->end, request, sizeof(*request), sent, sent_count);
        if (error)
                return error;
        error = tl_fdpass_receive(helper->end, reply, sizeof(*reply), got);
        if (error < 0)
                return error;
        spread(reply->has_fd, got, fds);
        return reply->error;
}

int tl_helper_listen(struct tl_helper *helper, enum tl_listener listener, struct tl_unixsock *sock)
{
        const struct request request = {.kind = REQUEST_LISTEN, .listener = listener};
        struct reply reply;
        int fds[2], error = ask(helper, &request, NULL, 0, &reply, fds);

        *sock = (struct tl_unixsock){.fd = fds[0], .watch_fd = fds[1]};
        return error;
}

bool tl_helper_is_removed(struct tl_helper *helper, enum tl_listener listener,
                          const struct tl_unixsock *sock)
{
        const struct request request = {.kind = REQUEST_IS_REMOVED, .listener = listener};
        struct reply reply;
        int fds[2];

        tl_unixsock_quiet(sock);
        return ask(helper, &request, NULL, 0, &reply, fds) == 0 && reply.number;
}

int tl_helper_open_udp(struct tl_helper *helper, struct tl_udp_pair *pair, uint16_t port,
                       uint32_t fwmark)
{
        const struct request request = {.kind = REQUEST_OPEN_UDP, .port = port, .fwmark = fwmark};
        struct reply reply;
        int fds[2], error = ask(helper, &request, NULL, 0, &reply, fds);

        *pair = (struct tl_udp_pair){.ipv4 = {fds[0], WG_FAMILY_IPV4},
                                     .ipv6 = {fds[1], WG_FAMILY_IPV6}};
        if (error == 0)
                pair->port = reply.port;
        return error;
}

int tl_helper_mark_udp(struct tl_helper *helper, const struct tl_udp_pair *pair, uint32_t fwmark)
{
        struct request request = {.kind = REQUEST_MARK_UDP, .fwmark = fwmark};
        struct reply reply;
        int sent[2], fds[2];
        unsigned int count = 0;

        request.has_fd[0] = pair->ipv4.fd >= 0;
        request.has_fd[1] = pair->ipv6.fd >= 0;
        if (request.has_fd[0])
                sent[count++] = pair->ipv4.fd;
        if (request.has_fd[1])
                sent[count++] = pair->ipv6.fd;
        return ask(helper, &request, sent, count, &reply, fds);
}

int tl_helper_follow(struct tl_helper *helper, struct tl_netlink_monitor *monitor)
{
        const struct request request = {.kind = REQUEST_FOLLOW};
        struct tl_netlink_view view;
        struct reply reply;
        int fds[2], error = ask(helper, &request, NULL, 0, &reply, fds);

        if (error)
                return error;
        view = (struct tl_netlink_view){
                .events = fds[0], .questions = fds[1], .nsid = reply.nsid, .link = reply.link};
        return tl_netlink_monitor_adopt(monitor, &view);
}
