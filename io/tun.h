/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * tun.h - the network interface whose packets we read and write.
 *
 * A device has one or more queues. Each has its own descriptor, which one thread at a time reads
 * and writes. The device exists while a queue is open (or for longer, if another program made it
 * persistent). A packet is an IP packet, without a header before it. With offloads it may be a
 * superpacket of up to 64 KiB, or lack its checksum; a struct tl_offload says which.
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
        TL_TUN_HEADROOM = 16, /* bytes before each packet that reading and writing overwrite */
};

/* Work that the kernel leaves to us in packets that we read, and does for us in those that we
 * write. Either one includes the checksums of both protocols. */
#define TL_TUN_OFFLOADS(X) \
        X(TL_TUN_TSO, 1, tso, "segmentation of TCP") \
        X(TL_TUN_USO, 2, uso, "segmentation of UDP")
WG_FLAGS_DECLARE(tl_tun_offload, TL_TUN_OFFLOADS)

struct tl_tun_queue {
        int fd;
        uint32_t header_len; /* bytes of virtio header before each packet; 0: none */
};

struct tl_tun {
        char name[IF_NAMESIZE]; /* as of when it was opened */
        uint32_t ifindex;       /* 0: the device is in another network namespace */
        uint32_t queue_count;
        struct tl_tun_queue queues[TL_TUN_QUEUES];
        /* With several queues, the kernel delivers a flow to the queue that a packet of either
         * direction was last written to. Packets written to this queue do not count. It is never
         * read; any thread may write to it. header_len 0: there is none. */
        struct tl_tun_queue neutral;
};

/* A packet in the caller's memory, with TL_TUN_HEADROOM before buf. */
struct tl_packet {
        uint8_t *buf;
        uint32_t room; /* size of buf; only for reading */
        uint32_t len;  /* bytes of the packet */
        int error;     /* 0, or -errno: why this packet failed */
};

/* Creates a device with 1..TL_TUN_QUEUES queues and that MTU. A name like "wg%d" gets a free
 * number; the resulting name is in tun->name. The device sends no router solicitations, because it
 * takes no link-local address, and no ICMP redirects. (Linux sends none only if
 * net.ipv4.conf.all.send_redirects is off too, so this turns it off, as the kernel's WireGuard
 * does.) Returns 0; -EBUSY: the name is taken; -EINVAL: the name is invalid; -EPERM; -ENOENT: there
 * is no /dev/net/tun; or another -errno. */
int tl_tun_open(struct tl_tun *tun, const char *name, uint32_t queues, uint32_t mtu) WG_MUST_USE;

/* Takes over a descriptor on which another program opened one queue of a TUN device, with
 * IFF_NO_PI. Its MTU and settings stay. On success the descriptor is ours to close. Returns 0;
 * -EINVAL: it is not a TUN; or another -errno. */
int tl_tun_adopt(struct tl_tun *tun, int fd) WG_MUST_USE;

/* Closes all queues. Accepts NULL, and an object that failed to open. */
void tl_tun_done(struct tl_tun *tun);

/* Whether the link is up: 1 or 0; -EBADFD once the device is deleted. Needs no privileges and works
 * across network namespaces. */
int tl_tun_is_up(const struct tl_tun_queue *queue) WG_MUST_USE;

/* Opens a view to follow the link in its current namespace (tl_netlink_view_open), and queries its
 * state. Also keeps the link from assigning itself addresses and sending redirects, settings that a
 * move resets. A namespace other than the caller's also requires CAP_SYS_ADMIN; the calling thread
 * enters it for a moment. Returns 0; -EBADFD: the device was deleted; -EPERM; -ENODEV: the link
 * moved on meanwhile, so try again; or another -errno. */
int tl_tun_view(const struct tl_tun_queue *queue, struct tl_netlink_view *view) WG_MUST_USE;

/* Turns on the offloads in `wanted` (a set of enum tl_tun_offload) that the kernel has, and all
 * others off. Returns those that are on; none for a device that was opened without a virtio
 * header. */
uint32_t tl_tun_set_offloads(const struct tl_tun *tun, uint32_t wanted);

/* Reads a packet into its buf, and sets its len and error. The kernel silently truncates packets,
 * so room must exceed the longest packet, which is the MTU, or 65535 with offloads. A packet that
 * fills buf gets the error -EMSGSIZE, one with an offload that is off -EINVAL. Returns 1; 0: there
 * is none; -EBADFD: the device was deleted; or another -errno. */
int tl_tun_read(const struct tl_tun_queue *queue, struct tl_packet *packet,
                struct tl_offload *offload) WG_MUST_USE;

/* Writes count packets in order and sets the error of each: 0; -EIO: the link is down; -EBADFD: the
 * device was deleted; -EINVAL: not an IP packet; or another -errno. A failure does not stop the
 * rest. Returns how many were written. */
unsigned int tl_tun_write(const struct tl_tun_queue *queue, struct tl_packet *packets,
                          unsigned int count);

/* Writes one superpacket, described by `offload`, of up to UIO_MAXIOV (1024) pieces. Uses
 * TL_TUN_HEADROOM before the first piece, and may change parts[0] to start there. Returns 0 or
 * -errno as above; -EINVAL also if the kernel refuses this offload. */
int tl_tun_write_parts(const struct tl_tun_queue *queue, const struct tl_offload *offload,
                       struct iovec *parts, unsigned int count) WG_MUST_USE;

#endif
