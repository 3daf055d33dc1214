/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * serve.h - the servers of a machine of the lab: something that answers on a port.
 * Threads: the process has only one. */
#ifndef LAB_SERVE_H
#define LAB_SERVE_H

#include "lab/topology.h"

/* Serves until it is killed. TCP connections get the line "NAME, seen from ADDRESS" and what they
 * send is discarded; a UDP datagram gets the same line. Ports that are in use already are left
 * out. Returns only on failure, after saying why. */
int tl_serve(const struct tl_lab_machine *machine);

#endif
