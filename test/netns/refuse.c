/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * refuse - a library to preload that imitates a kernel which offers offloads, then refuses them.
 *
 *     REFUSE_SUPERPACKETS=ERRNO  writev() of a superpacket to a TUN, recognized by its virtio
 *                                header, fails with this error
 *     REFUSE_PIECES=ERRNO        sendmsg() and sendmmsg() with UDP_SEGMENT fail with this error
 *
 * ERRNO is a number. If it is 0 or unset, nothing is refused.
 * Threads: any. */
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { VIRTIO_HEADER_LEN = 10, GSO_TYPE_AT = 1, NEEDS_CSUM = 1 };

static int superpackets, pieces;
static ssize_t (*real_writev)(int fd, const struct iovec *parts, int count);
static ssize_t (*real_sendmsg)(int fd, const struct msghdr *message, int flags);
static int (*real_sendmmsg)(int fd, struct mmsghdr *messages, unsigned int count, int flags);

static int number_of(const char *variable)
{
        const char *text = getenv(variable);
        int number = text ? atoi(text) : 0;

        return number;
}

/* POSIX allows calling a pointer that dlsym() returns; C does not. */
static void find(void *function, const char *name)
{
        void *found = dlsym(RTLD_NEXT, name);

        memcpy(function, &found, sizeof(found));
}

__attribute__((constructor)) static void begin(void)
{
        superpackets = number_of("REFUSE_SUPERPACKETS");
        pieces = number_of("REFUSE_PIECES");
        find(&real_writev, "writev");
        find(&real_sendmsg, "sendmsg");
        find(&real_sendmmsg, "sendmmsg");
}

/* Whether it starts with the virtio header of a superpacket, then an IP packet; nothing else that
 * is written does. (The sandbox prevents asking what the descriptor is.) */
static bool is_superpacket(const struct iovec *part)
{
        const uint8_t *header = part->iov_base;

        return part->iov_len > VIRTIO_HEADER_LEN && header[0] == NEEDS_CSUM &&
               header[GSO_TYPE_AT] &&
               (header[VIRTIO_HEADER_LEN] >> 4 == 4 || header[VIRTIO_HEADER_LEN] >> 4 == 6);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
        if (superpackets && count > 0 && is_superpacket(&parts[0])) {
                errno = superpackets;
                return -1;
        }
        return real_writev(fd, parts, count);
}

static bool is_piece(const struct msghdr *message)
{
        struct msghdr *header = (struct msghdr *)message;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c))
                if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_SEGMENT)
                        return true;
        return false;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
        if (pieces && is_piece(message)) {
                errno = pieces;
                return -1;
        }
        return real_sendmsg(fd, message, flags);
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags)
{
        unsigned int good = 0;

        if (!pieces)
                return real_sendmmsg(fd, messages, count, flags);
        while (good < count && !is_piece(&messages[good].msg_hdr))
                good++;
        if (good)
                return real_sendmmsg(fd, messages, good, flags);
        errno = pieces;
        return -1;
}
