/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/fdpass.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(TL_FDPASS_MAX * sizeof(int))];
};

int tl_fdpass_pair(int ends[2])
{
        /* SOCK_SEQPACKET keeps the boundaries of messages and reports when the other end is
         * closed. */
        return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0 ? -errno : 0;
}

int tl_fdpass_send(int end, const void *message, size_t len, const int *fds, unsigned int count)
{
        struct iovec part = {(void *)message, len};
        struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
        union control control = {0};
        ssize_t sent;

        WG_ASSERT(count <= TL_FDPASS_MAX);
        if (count) {
                header.msg_control = &control;
                header.msg_controllen = CMSG_SPACE(count * sizeof(int));
                control.align.cmsg_level = SOL_SOCKET;
                control.align.cmsg_type = SCM_RIGHTS;
                control.align.cmsg_len = CMSG_LEN(count * sizeof(int));
                memcpy(CMSG_DATA(&control.align), fds, count * sizeof(int));
        }
        do
                sent = sendmsg(end, &header, MSG_NOSIGNAL);
        while (sent < 0 && errno == EINTR);
        return sent < 0 ? -errno : 0;
}

/* Extracts the descriptors. Returns how many there are. */
static int take_descriptors(struct msghdr *header, int fds[TL_FDPASS_MAX])
{
        const struct cmsghdr *control = CMSG_FIRSTHDR(header);
        size_t count;

        if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
                return 0;
        count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(control), count * sizeof(int));
        return (int)count;
}

int tl_fdpass_receive(int end, void *message, size_t len, int fds[TL_FDPASS_MAX])
{
        struct iovec part = {message, len};
        union control control;
        struct msghdr header = {.msg_iov = &part,
                                .msg_iovlen = 1,
                                .msg_control = &control,
                                .msg_controllen = sizeof(control)};
        ssize_t got;
        int count;

        for (unsigned int i = 0; i < TL_FDPASS_MAX; i++)
                fds[i] = -1;
        do
                got = recvmsg(end, &header, MSG_CMSG_CLOEXEC);
        while (got < 0 && errno == EINTR);
        if (got < 0)
                return -errno;
        if (got == 0)
                return -ECONNRESET;
        count = take_descriptors(&header, fds);
        if ((size_t)got == len && !(header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
                return count;
        tl_fdpass_close(fds);
        /* Truncated control data means that this process has no room for the descriptors. */
        return header.msg_flags & MSG_CTRUNC ? -EMFILE : -EBADMSG;
}

bool tl_fdpass_is_waiting(int end)
{
        uint8_t byte;

        return recv(end, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

void tl_fdpass_close(const int fds[TL_FDPASS_MAX])
{
        for (unsigned int i = 0; i < TL_FDPASS_MAX; i++)
                if (fds[i] >= 0)
                        close(fds[i]);
}
