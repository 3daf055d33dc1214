/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * requests.h - random configuration requests to a running device, which the naive model judges.
 *
 * A script of bytes says what clients ask and when: requests of all keys and combinations, right
 * and wrong, several at a time and behind each other, one slice of work or all of it, clients that
 * leave, memory that runs out, a port or a mark that cannot be had, the link up and down, packets
 * that wait. Requests and replies are text; daemon/uapi, daemon/apply and the engine are the real
 * ones, and only sockets and the clock are not. After each request get=1 tells what the model
 * tells. Between any two slices a worker finds for each address the peer from before the request or
 * the one from after it.
 *
 * A program that uses this is linked with the wraps that test/meson.build names. */
#ifndef TEST_REQUESTS_H
#define TEST_REQUESTS_H

#include <stddef.h>
#include <stdint.h>

/* The one link that zones may name; its number is 9. */
#define REQUESTS_LINK "link9"

/* Runs a script. What is wrong is told on standard error, and ends the program. Returns how many
 * requests were answered. */
unsigned long requests_run(const uint8_t *script, size_t len);

#endif
