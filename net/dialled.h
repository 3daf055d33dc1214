/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * dialled.h - the course of a connection to an address that somebody has chosen, which need not be
 * the one that the source must use.
 * Threads: pure functions of their arguments. */
#ifndef NET_DIALLED_H
#define NET_DIALLED_H

#include "base/prefix.h"
#include "net/course.h"
#include "net/model.h"

/* Changes a course to one that begins with another address of the same destination: its address in
 * the tunnel, its mapped one, or one of the source's LAN that stands for it. */
void tl_dialled_apply(struct tl_course *course, const struct tl_model *model,
                      const struct tl_walk_end *from, const struct tl_walk_end *to,
                      const struct wg_ip *dialled);

#endif
