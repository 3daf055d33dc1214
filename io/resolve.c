/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

enum { WAIT_MIN_MS = 1000, WAIT_MAX_MS = 20000 };

static void take_address(struct wg_endpoint *endpoint, const struct addrinfo *found)
{
        endpoint->ip = (struct wg_ip){0};
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

static void wait_ms(long ms)
{
        const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

        nanosleep(&pause, NULL);
}

const char *tl_resolve(const char *host, int retries, struct wg_endpoint *endpoint)
{
        const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
        struct addrinfo *found;
        long pause_ms = WAIT_MIN_MS;

        for (;;) {
                int error = getaddrinfo(host, NULL, &hints, &found);

                if (!error)
                        break;
                if (error != EAI_AGAIN || retries == 0)
                        return error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error);
                retries--;
                wait_ms(pause_ms);
                pause_ms = WG_MIN(pause_ms * 5 / 4, (long)WAIT_MAX_MS);
        }
        take_address(endpoint, found);
        freeaddrinfo(found);
        return NULL;
}

bool tl_resolve_service(const char *name, uint16_t *port)
{
        const struct addrinfo hints = {.ai_flags = AI_PASSIVE,
                                       .ai_family = AF_INET,
                                       .ai_socktype = SOCK_DGRAM,
                                       .ai_protocol = IPPROTO_UDP};
        struct addrinfo *found;

        if (getaddrinfo(NULL, name, &hints, &found) != 0)
                return false;
        *port = ntohs(((const struct sockaddr_in *)(const void *)found->ai_addr)->sin_port);
        freeaddrinfo(found);
        return true;
}
