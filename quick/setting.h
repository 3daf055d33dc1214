/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * setting.h - settings of the kernel under /proc/sys, which interfaces of one network namespace share.
 *
 * A setting that is right already is not written: a container may have it right and read-only. One that
 * is changed gets a line in the state, and its old value back once the last interface that holds it
 * goes. Each holder writes the old value down, so any of them may be the last. A value that
 * somebody else has changed meanwhile is left alone.
 *
 * Settings are named by their path below /proc/sys, since names of interfaces may hold dots.
 * Source: proc(5), sysctl(8); Linux, ip-sysctl.
 * Threads: the only one of the process. Several processes may do this at once. */
#ifndef QUICK_SETTING_H
#define QUICK_SETTING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "quick/state.h"

enum { TL_SETTING_SIZE = 32 }; /* of the longest value, with its terminator */

/* Reads a setting, without the newline. Returns 0 or -errno. */
int tl_setting_read(const char *path, char value[TL_SETTING_SIZE]) WG_MUST_USE;

/* Makes sure that the setting has this value until this interface's state is undone. Returns 0, or
 * -errno where it has another value and cannot be changed. */
int tl_setting_hold(struct tl_state *state, const char *ifname, const char *path,
                    const char *value) WG_MUST_USE;

/* Undoes what a line of a state says, and returns true, if it is about a setting. */
bool tl_setting_release(const char *line) WG_MUST_USE;

/* Whether a link other than this interface drops packets whose source it has no route back to
 * (rp_filter, strict). */
bool tl_setting_filters_strictly(const char *ifname) WG_MUST_USE;

#endif
