/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * tun.h - the network interface whose packets we read and write.
 *
 * A device has one queue or several; each has a descriptor of its own, which one thread at a time
 * reads and writes. The device lives as long as a queue is open (unless somebody made it persistent).
 * A packet is an IP packet, from its version on; or, with offloads, one of up to 64 KiB that stands for
 * many, or lacks its checksum, as the struct tl_offload beside it says.
 *
 * The descriptors do not block. In epoll: EPOLLIN when there is a packet; EPOLLOUT as an edge when
 * the link comes up.
 *
 * Threads: a queue has one owner at a time; a struct tl_tun belongs to the thread that opened it.
 * Source: Linux Documentation/networking/tuntap.rst. */
#ifndef IO_TUN_H
#define IO_TUN_H

#include <net/if.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/attr.h"
#include "io/netlink.h"
#include "io/offload.h"

enum {
        TL_TUN_QUEUES = 64,   /* at most */
        TL_TUN_MTU = 1420,    /* of a new device */
        TL_TUN_HEADROOM = 16, /* bytes before each packet that reading and writing it overwrite */
};

/* What the kernel hands over without having done it, and takes in the same way. With either go the
 * checksums of both. */
#define TL_TUN_OFFLOADS(X) \
        X(TL_TUN_TSO, 1, tso, "cutting of TCP") \
        X(TL_TUN_USO, 2, uso, "cutting of UDP")
WG_FLAGS_DECLARE(tl_tun_offload, TL_TUN_OFFLOADS)

struct tl_tun_queue {
        int fd;
        uint32_t header_len; /* bytes of virtio header before each packet; 0: there is none */
};

struct tl_tun {
        char name[IF_NAMESIZE]; /* as the kernel gave it when it was opened */
        uint32_t ifindex;       /* 0: the device is in another network namespace */
        uint32_t queue_count;
        struct tl_tun_queue queues[TL_TUN_QUEUES];
        /* With several queues, the kernel delivers a flow to the queue that a packet of either
         * direction was last written to. Packets written to this one do not count. Never read; any
         * thread may write. header_len 0: there is none. */
        struct tl_tun_queue neutral;
};

/* One packet in memory of the caller, where TL_TUN_HEADROOM goes before buf. */
struct tl_packet {
        uint8_t *buf;
        uint32_t room; /* bytes there are in buf; only for reading */
        uint32_t len;  /* bytes of packet */
        int error;     /* 0, or -errno: why this one failed */
};

/* Creates a device with 1..TL_TUN_QUEUES queues and that MTU. A name like "wg%d" gets a free number;
 * the kernel's choice is in tun->name. The device sends no router solicitations of its own, for it
 * takes no link-local address, and no ICMP redirects (which Linux only heeds where
 * net.ipv4.conf.all.send_redirects is off as well: so that is turned off too, as the kernel's
 * WireGuard does). Returns 0; -EBUSY: the name is taken; -EINVAL: it is no name; -EPERM; -ENOENT
 * where there is no /dev/net/tun; or another -errno. */
int tl_tun_open(struct tl_tun *tun, const char *name, uint32_t queues, uint32_t mtu) WG_MUST_USE;

/* Takes over a descriptor on which somebody else opened one queue of a TUN device, with IFF_NO_PI; its
 * MTU and settings stay. On success the descriptor is ours to close. Returns 0; -EINVAL: it is no
 * TUN; or another -errno. */
int tl_tun_adopt(struct tl_tun *tun, int fd) WG_MUST_USE;

/* Closes all queues. Takes NULL, and one that failed to open. */
void tl_tun_done(struct tl_tun *tun);

/* Whether the link is up: 1 or 0; -EBADFD once the device is deleted. Needs no privileges and works
 * across network namespaces. */
int tl_tun_is_up(const struct tl_tun_queue *queue) WG_MUST_USE;

/* Opens what it takes to follow the link where it is now (tl_netlink_view_open), and looks at it. On
 * the way it keeps the link from addresses and redirects of its own, which a move makes it forget. In
 * another network namespace than the caller's this takes CAP_SYS_ADMIN too; the calling thread visits
 * it. Returns 0; -EBADFD once the device is deleted; -EPERM; or another -errno, -ENODEV among them where
 * the link moved on meanwhile: try again. */
int tl_tun_view(const struct tl_tun_queue *queue, struct tl_netlink_view *view) WG_MUST_USE;

/* Turns on as many of the offloads that are `wanted` (enum tl_tun_offload) as the kernel has, and all others
 * off. Returns which are on; none for a device that was opened without a virtio header. */
uint32_t tl_tun_set_offloads(const struct tl_tun *tun, uint32_t wanted);

/* Reads a packet into its buf, and sets its len and error. The kernel cuts what does not fit without a
 * word, so the room must be greater than any packet, which is the MTU, or 65535 with offloads: one that
 * fills it, or that comes with an offload which was not turned on, gets the error -EMSGSIZE or -EINVAL.
 * Returns 1; 0 when there is none; -EBADFD once the device is deleted; or another -errno. */
int tl_tun_read(const struct tl_tun_queue *queue, struct tl_packet *packet,
                struct tl_offload *offload) WG_MUST_USE;

/* Writes count packets in order and sets the error of each: 0; -EIO: the link is down; -EBADFD: the
 * device is deleted; -EINVAL: no IP packet; or another -errno. One that fails does not stop the
 * rest. Returns how many were written. */
unsigned int tl_tun_write(const struct tl_tun_queue *queue, struct tl_packet *packets,
                          unsigned int count);

/* Writes one packet of up to UIO_MAXIOV (1024) pieces, which stands for many as `offload` says. Before the
 * first piece TL_TUN_HEADROOM goes too, and parts[0] may be changed to begin there. Returns 0 or -errno as
 * above; -EINVAL too where the kernel does not take it in this form. */
int tl_tun_write_parts(const struct tl_tun_queue *queue, const struct tl_offload *offload,
                       struct iovec *parts, unsigned int count) WG_MUST_USE;

#endif
