/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/config.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/wgconf.h"

/* A million peers fit. */
#define FILE_SIZE_MAX ((size_t)512 << 20)

static bool complain(const char *path, const char *what)
{
        fprintf(stderr, "tielined: %s: %s\n", path, what);
        return false;
}

/* Reads all of a descriptor; *text is the caller's to wipe and free. */
static bool read_all(const char *path, int fd, char **text, size_t *len)
{
        size_t room = 4096;
        ssize_t got;

        *len = 0;
        *text = malloc(room);
        while (*text) {
                if (*len == room) {
                        /* Not realloc(): what is left behind holds keys. */
                        char *bigger = room < FILE_SIZE_MAX ? malloc(room * 2) : NULL;

                        if (!bigger)
                                break;
                        memcpy(bigger, *text, *len);
                        wg_wipe(*text, room);
                        free(*text);
                        *text = bigger;
                        room *= 2;
                }
                got = read(fd, *text + *len, room - *len);
                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return complain(path, strerror(errno));
                if (got == 0)
                        return true;
                *len += (size_t)got;
        }
        return complain(path, "too large");
}

static void warn_if_readable(const char *path, int fd)
{
        struct stat status;

        if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 077) != 0)
                fprintf(stderr,
                        "tielined: warning: %s holds keys and other users may read it; "
                        "`chmod 600' it\n",
                        path);
}

bool tl_config_read(const char *path, struct tl_conf_device *change)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct tl_conf_error error;
        char *text = NULL;
        size_t len = 0;
        bool ok;

        if (fd < 0)
                return complain(path, strerror(errno));
        warn_if_readable(path, fd);
        ok = read_all(path, fd, &text, &len);
        close(fd);
        if (ok && !tl_wgconf_parse(text, len, change, &error)) {
                fprintf(stderr, "tielined: %s:%u:%u: %s\n", path, error.line, error.column,
                        error.message);
                ok = false;
        }
        if (text)
                wg_wipe(text, len);
        free(text);
        return ok;
}

static void take_address(struct wg_endpoint *endpoint, const struct addrinfo *found)
{
        if (found->ai_family == AF_INET) {
                const struct sockaddr_in *in = (const void *)found->ai_addr;

                endpoint->ip.family = WG_FAMILY_IPV4;
                memcpy(endpoint->ip.bytes, &in->sin_addr, 4);
        } else {
                const struct sockaddr_in6 *in6 = (const void *)found->ai_addr;

                endpoint->ip.family = WG_FAMILY_IPV6;
                endpoint->scope = in6->sin6_scope_id;
                memcpy(endpoint->ip.bytes, &in6->sin6_addr, 16);
        }
}

static bool resolve(const char *path, struct tl_conf_peer *peer)
{
        const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
        struct addrinfo *found;
        int error = getaddrinfo(peer->endpoint_host, NULL, &hints, &found);

        if (error) {
                fprintf(stderr, "tielined: %s: cannot find the endpoint `%s': %s\n", path,
                        peer->endpoint_host,
                        error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error));
                return false;
        }
        take_address(&peer->endpoint, found);
        freeaddrinfo(found);
        return true;
}

bool tl_config_resolve(const char *path, struct tl_conf_device *change)
{
        for (uint32_t i = 0; i < change->peer_count; i++)
                if (tl_conf_device_peer(change, i)->endpoint_host &&
                    !resolve(path, tl_conf_device_peer(change, i)))
                        return false;
        return true;
}
