/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * helper.h - the small process that keeps the privileges that the daemon gives up.
 *
 * It reads no packets and no configuration, only requests of fixed form from the daemon, over a
 * socketpair. It makes sockets and passes them to the daemon, marks them, finds out where the link
 * is, connects to syslogd, and removes the files of the control sockets when the daemon is gone,
 * however it ended. The file with the latest timestamp of an initiation stays (stampfile.h). Helper
 * and daemon end together.
 *
 * An attacker who took over the daemon could use the helper only to bind a UDP port, mark packets
 * that leave by it, listen where the daemon listens, write to syslog, and keep a wrong timestamp.
 *
 * Threads: the engine's. A request waits for its reply, which takes microseconds, except for
 * listen. */
#ifndef DAEMON_HELPER_H
#define DAEMON_HELPER_H

#include <sys/types.h>

#include "base/enum.h"
#include "io/netlink.h"
#include "io/tun.h"
#include "io/udp.h"
#include "io/unixsock.h"

/* The sockets through which tools reach a device. */
#define TL_LISTENERS(X) \
        X(TL_LISTENER_UAPI, 0, uapi, "configures: WireGuard's cross-platform interface") \
        X(TL_LISTENER_STATUS, 1, status, "reports what that interface cannot express")
WG_ENUM_DECLARE(tl_listener, TL_LISTENERS)
enum { TL_LISTENER_COUNT = 2 };

struct tl_helper {
        int end; /* our end of the socketpair; readable when the helper is gone; -1: none */
        pid_t process;
        bool owes_reply; /* to the last tl_helper_keep_stamp() */
        int keep_error;  /* result of the last one that was answered: 0 or -errno */
};

/* Resources that the helper inherits. */
struct tl_helper_place {
        const struct tl_tun *tun;
        bool receives_pieces; /* UDP sockets receive pieces, see io/udp.h */
        const char *directories[TL_LISTENER_COUNT];
        int adopted[TL_LISTENER_COUNT]; /* inherited descriptors that listen already; -1: none */
};

/* Starts the process, which first calls forget(ctx) to wipe data that the helper must not keep.
 * Returns 0 or -errno. */
int tl_helper_start(struct tl_helper *helper, const struct tl_helper_place *place,
                    void (*forget)(void *ctx), void *ctx) WG_MUST_USE;

/* Waits until the helper has cleaned up and ended. Accepts a helper whose start failed. */
void tl_helper_done(struct tl_helper *helper);

/* Listens as tl_unixsock_listen() does, or adopts the inherited descriptor. The caller owns the
 * socket's two descriptors, and must not remove its file. Returns 0 or -errno. */
int tl_helper_listen(struct tl_helper *helper, enum tl_listener listener,
                     struct tl_unixsock *sock) WG_MUST_USE;

/* Reads the time that tl_helper_keep_stamp() kept for this interface, in ns since 1970. Returns as
 * tl_stampfile_read(). */
int tl_helper_recall_stamp(struct tl_helper *helper, uint64_t *real_ns) WG_MUST_USE;

/* Passes the helper a time to keep for the next daemon of this name, without waiting. The time is
 * written even if we are killed now. Returns 0; -EAGAIN: the last one is still being written; or
 * another -errno. */
int tl_helper_keep_stamp(struct tl_helper *helper, uint64_t real_ns) WG_MUST_USE;

/* Returns the result of the last completed write: 0 or -errno. Does not wait. */
int tl_helper_keep_error(struct tl_helper *helper) WG_MUST_USE;

/* Whether the file of that socket was deleted, renamed or replaced. Drains its watch_fd. */
bool tl_helper_is_removed(struct tl_helper *helper, enum tl_listener listener,
                          const struct tl_unixsock *sock) WG_MUST_USE;

/* Like tl_udp_open_pairs(), and tl_udp_mark_pair() for each of the pairs. */
int tl_helper_open_udp(struct tl_helper *helper, struct tl_udp_pair *pairs, unsigned int count,
                       uint16_t port, uint32_t fwmark) WG_MUST_USE;
int tl_helper_mark_udp(struct tl_helper *helper, const struct tl_udp_pair *pairs,
                       unsigned int count, uint32_t fwmark) WG_MUST_USE;

/* Connects to syslogd as root, without blocking. Returns a descriptor or -errno. */
int tl_helper_connect_syslog(struct tl_helper *helper) WG_MUST_USE;

/* Starts to follow the link where it is now. Returns 0; -EPERM: the helper may not enter that
 * namespace; or another -errno, like tl_tun_view(). */
int tl_helper_follow(struct tl_helper *helper, struct tl_netlink_monitor *monitor) WG_MUST_USE;

#endif
