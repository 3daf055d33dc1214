/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * requests.h - random configuration requests to a running device, checked against the naive model.
 *
 * A script of bytes says what clients do and when: valid and invalid requests with all keys and
 * combinations, at the same time and in sequence; one slice of work or all of it; clients that
 * leave, memory that runs out, a port or a mark that cannot be set, the link going up and down,
 * packets that wait. Requests and replies are text. daemon/uapi, daemon/apply and the engine are
 * real; only sockets and the clock are not. After each request, get=1 must answer as the model
 * does. Between any two slices, a worker must find for each address the peer from before or from
 * after the request.
 *
 * A program that uses this is linked with the wraps listed in fuzz/meson.build. */
#ifndef TEST_LIB_REQUESTS_H
#define TEST_LIB_REQUESTS_H

#include <stddef.h>
#include <stdint.h>

/* The one link that zones may name; its number is 9. */
#define REQUESTS_LINK "link9"

/* Runs a script. A failure is reported on standard error and ends the program. Returns how many
 * requests were answered. */
unsigned long requests_run(const uint8_t *script, size_t len);

#endif
