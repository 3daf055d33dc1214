/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "client/link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/channel.h"
#include "conf/hex.h"
#include "conf/uapi_text.h"
#include "io/clock.h"
#include "io/unixsock.h"

#define GET "get=1\n\n"

#define TIMEOUT_NS (TL_LINK_TIMEOUT_S * TL_NS_PER_S)
#define BRIEF_NS TL_NS_PER_S /* for questions with a default answer */

/* While the daemon carries out a change, it sends nothing. It gets an extra second per MiB of the
 * request, which is some 6,000 peers. */
enum { BYTES_A_SECOND = 1 << 20 };

static int connect_within(struct tl_channel *channel, const char *ifname, uint64_t timeout_ns)
{
        return tl_channel_open(channel, TL_UNIXSOCK_DIRECTORY, ifname, timeout_ns);
}

/* A reply that grows. All memory that held it is wiped. */
struct reply {
        char *text;
        size_t len, room;
};

static void reply_done(struct reply *reply)
{
        if (reply->text)
                wg_wipe(reply->text, reply->len);
        free(reply->text);
        *reply = (struct reply){0};
}

static int make_room(struct reply *reply)
{
        size_t room = reply->room ? reply->room * 2 : 4096;
        char *bigger;

        if (reply->len < reply->room)
                return 0;
        bigger = malloc(room);
        if (!bigger)
                return -ENOMEM;
        if (reply->len)
                memcpy(bigger, reply->text, reply->len);
        if (reply->text)
                wg_wipe(reply->text, reply->len);
        free(reply->text);
        reply->text = bigger;
        reply->room = room;
        return 0;
}

static int receive(struct tl_channel *channel, struct reply *reply)
{
        while (!tl_uapi_text_is_reply(reply->text, reply->len)) {
                int error = make_room(reply);
                ssize_t got;

                if (error)
                        return error;
                got = tl_channel_receive(channel, reply->text + reply->len,
                                         reply->room - reply->len);
                if (got < 0)
                        return (int)got;
                reply->len += (size_t)got;
        }
        return -tl_uapi_text_reply_errno(reply->text, reply->len);
}

/* Sends a request and receives the reply, which the caller releases on success. */
static int ask(const char *ifname, const char *request, size_t len, struct reply *reply)
{
        struct tl_channel channel;
        int error = connect_within(&channel, ifname, TIMEOUT_NS);

        *reply = (struct reply){0};
        if (error)
                return error;
        error = tl_channel_send(&channel, request, len);
        tl_channel_allow(&channel, len / BYTES_A_SECOND * TL_NS_PER_S);
        if (!error)
                error = receive(&channel, reply);
        tl_channel_close(&channel);
        if (error)
                reply_done(reply);
        return error;
}

int tl_link_connect(const char *ifname)
{
        struct tl_channel channel;
        int error = connect_within(&channel, ifname, TIMEOUT_NS);

        return error ? error : channel.fd;
}

/* Does not wait. If too many clients wait already, a daemon is there. */
bool tl_link_is_served(const char *ifname)
{
        struct tl_channel channel;
        int error = connect_within(&channel, ifname, 0);

        tl_channel_close(&channel);
        return !error || error == -ETIMEDOUT;
}

/* The process that listens at the other end; 0: it is not visible from here. */
static pid_t find_process(int fd)
{
        struct ucred peer = {.pid = 0};
        socklen_t len = sizeof(peer);

        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 ? peer.pid : 0;
}

bool tl_link_is_of_tielined(const char *ifname)
{
        struct tl_channel channel;
        char path[48], name[32] = "";
        FILE *file;

        if (connect_within(&channel, ifname, BRIEF_NS))
                return false;
        snprintf(path, sizeof(path), "/proc/%d/comm", (int)find_process(channel.fd));
        tl_channel_close(&channel);
        file = fopen(path, "re");
        if (file && !fgets(name, sizeof(name), file))
                name[0] = '\0';
        if (file)
                fclose(file);
        return strncmp(name, "tielined", strlen("tielined")) == 0;
}

bool tl_link_is_elsewhere(const char *ifname)
{
        struct tl_channel channel;
        struct stat ours, theirs;
        char path[48];

        if (connect_within(&channel, ifname, BRIEF_NS))
                return false;
        snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)find_process(channel.fd));
        tl_channel_close(&channel);
        return stat("/proc/self/ns/net", &ours) == 0 && stat(path, &theirs) == 0 &&
               (ours.st_ino != theirs.st_ino || ours.st_dev != theirs.st_dev);
}

#define MARK "\nfwmark="

/* The mark comes before the peers, and is omitted if it is 0. */
static bool has_mark(const char *reply, size_t len)
{
        const char *mark = memmem(reply, len, MARK, strlen(MARK));

        return (mark && memchr(mark + 1, '\n', len - (size_t)(mark + 1 - reply))) ||
               tl_uapi_text_is_reply(reply, len);
}

uint32_t tl_link_find_mark(const char *ifname)
{
        struct tl_channel channel;
        char reply[512] = "";
        const char *text;
        uint32_t mark = 0;
        size_t len = 0;
        ssize_t got = connect_within(&channel, ifname, BRIEF_NS);

        if (!got)
                got = tl_channel_send(&channel, GET, sizeof(GET) - 1);
        while (got >= 0 && len + 1 < sizeof(reply) && !has_mark(reply, len)) {
                got = tl_channel_receive(&channel, reply + len, sizeof(reply) - 1 - len);
                len += (size_t)WG_MAX(got, 0);
        }
        tl_channel_close(&channel);
        reply[len] = '\0';
        text = got < 0 ? NULL : strstr(reply, MARK);
        if (text)
                mark = (uint32_t)strtoul(text + strlen(MARK), NULL, 10);
        wg_wipe(reply, sizeof(reply));
        return mark;
}

/* Waits until the process behind a connection ends, or, if it is not visible, the connection
 * does. */
static int wait_for_end(int fd, unsigned int timeout_ms)
{
        pid_t process = find_process(fd);
        int watched = process > 0 ? (int)syscall(SYS_pidfd_open, process, 0) : -1, ready;
        struct pollfd end = {.fd = watched < 0 ? fd : watched, .events = POLLIN};

        do
                ready = poll(&end, 1, (int)timeout_ms);
        while (ready < 0 && errno == EINTR);
        if (watched >= 0)
                close(watched);
        return ready > 0 ? 0 : -ETIMEDOUT;
}

bool tl_link_stays_served(const char *ifname, unsigned int timeout_ms)
{
        struct tl_channel channel;
        int error = connect_within(&channel, ifname, timeout_ms * TL_NS_PER_MS);
        /* The backlog stays full only while there is a daemon. */
        bool stays = error == -ETIMEDOUT || (!error && wait_for_end(channel.fd, timeout_ms) != 0);

        tl_channel_close(&channel);
        return stays;
}

int tl_link_end(const char *ifname, unsigned int timeout_ms)
{
        char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
        int fd = tl_link_connect(ifname), error;

        if (fd < 0)
                return fd;
        snprintf(path, sizeof(path), TL_UNIXSOCK_DIRECTORY "/%s.sock", ifname);
        error = unlink(path) < 0 ? -errno : wait_for_end(fd, timeout_ms);
        close(fd);
        return error;
}

int tl_link_set(const char *ifname, const struct tl_change *change)
{
        size_t room = tl_uapi_text_room(change), len;
        char *request = malloc(room);
        struct reply reply;
        int error;

        if (!request)
                return -ENOMEM;
        len = tl_uapi_text_format_request(change, request, room);
        error = ask(ifname, request, len, &reply);
        reply_done(&reply);
        wg_wipe(request, len);
        free(request);
        return error;
}

int tl_link_set_mark(const char *ifname, uint32_t mark)
{
        struct tl_change change;

        tl_change_init(&change);
        change.has_fwmark = true;
        change.fwmark = mark;
        return tl_link_set(ifname, &change);
}

int tl_link_get(const char *ifname, struct tl_change *device)
{
        struct reply reply;
        int error = ask(ifname, GET, sizeof(GET) - 1, &reply);

        if (error)
                return error;
        if (!tl_uapi_text_read_reply(reply.text, reply.len, device))
                error = -EPROTO;
        reply_done(&reply);
        return error;
}

enum { LINE_MAX_LEN = 256 }; /* more than any line of interest */

/* Reads an answer line by line, and keeps the peer of the latest lines. */
struct peers {
        char line[LINE_MAX_LEN];
        size_t len;
        uint8_t public_key[TL_CONF_KEY_LEN];
        bool has_peer, has_endpoint, is_over;
        int error;
        void (*see)(void *ctx, const uint8_t public_key[TL_CONF_KEY_LEN], bool has_endpoint);
        void *ctx;
};

static void end_peer(struct peers *peers)
{
        if (peers->has_peer)
                peers->see(peers->ctx, peers->public_key, peers->has_endpoint);
        peers->has_peer = peers->has_endpoint = false;
}

static void see_line(struct peers *peers)
{
        static const char key[] = "public_key=", endpoint[] = "endpoint=", result[] = "errno=";
        const char *line = peers->line;

        peers->line[peers->len] = '\0';
        if (strncmp(line, key, sizeof(key) - 1) == 0) {
                end_peer(peers);
                peers->has_peer = tl_hex_decode(peers->public_key, TL_CONF_KEY_LEN,
                                                line + sizeof(key) - 1,
                                                peers->len - (sizeof(key) - 1));
        } else if (strncmp(line, endpoint, sizeof(endpoint) - 1) == 0) {
                peers->has_endpoint = true;
        } else if (strncmp(line, result, sizeof(result) - 1) == 0) {
                end_peer(peers);
                peers->error = -abs(atoi(line + sizeof(result) - 1));
        } else if (!*line) {
                peers->is_over = true;
        }
        peers->len = 0;
}

static void see_bytes(struct peers *peers, const char *bytes, size_t len)
{
        for (size_t i = 0; i < len && !peers->is_over; i++)
                if (bytes[i] == '\n')
                        see_line(peers);
                else if (peers->len + 1 < sizeof(peers->line))
                        peers->line[peers->len++] = bytes[i];
}

static int read_peers(struct tl_channel *channel, struct peers *peers)
{
        char bytes[4096];
        ssize_t got = 0;

        while (got >= 0 && !peers->is_over) {
                got = tl_channel_receive(channel, bytes, sizeof(bytes));
                if (got > 0)
                        see_bytes(peers, bytes, (size_t)got);
        }
        wg_wipe(bytes, sizeof(bytes));
        return got < 0 ? (int)got : peers->error;
}

int tl_link_each_peer(const char *ifname,
                      void (*see)(void *ctx, const uint8_t public_key[TL_CONF_KEY_LEN],
                                  bool has_endpoint),
                      void *ctx)
{
        struct peers peers = {.see = see, .ctx = ctx};
        struct tl_channel channel;
        int error = connect_within(&channel, ifname, TIMEOUT_NS);

        if (!error)
                error = tl_channel_send(&channel, GET, sizeof(GET) - 1);
        if (!error)
                error = read_peers(&channel, &peers);
        wg_wipe(&peers, sizeof(peers));
        tl_channel_close(&channel);
        return error;
}
