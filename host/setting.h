/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * setting.h - kernel settings under /proc/sys, which the interfaces of a network namespace share.
 *
 * A setting that already has the right value is not written: in a container it may be read-only. A
 * setting that is changed gets a line in the journal. Every interface that needs the setting
 * records the old value, and the last of them to go down restores it, unless another program has
 * changed the setting meanwhile.
 *
 * Settings are named by their paths below /proc/sys, since interface names may contain dots.
 * Source: proc(5), sysctl(8); Linux, ip-sysctl.
 * Threads: the process has only one. Several processes may do this at once. */
#ifndef HOST_SETTING_H
#define HOST_SETTING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "host/journal.h"

enum {
        TL_SETTING_SIZE = 32,       /* bytes for the longest value, with its terminator */
        TL_SETTING_PATH_SIZE = 128, /* for the longest path */
};

/* Reads a setting, without the newline. Returns 0 or -errno. */
int tl_setting_read(const char *path, char value[TL_SETTING_SIZE]) WG_MUST_USE;

/* Gives the setting this value until the journal, which bears the interface's name, is undone.
 * Returns 0, or -errno if the setting has another value and cannot be changed. */
int tl_setting_hold(struct tl_journal *journal, const char *path, const char *value) WG_MUST_USE;

/* Records that the setting, which has the value `old`, will have `value` once another setting is
 * undone that was held after this; the journal's undo then restores `old`. Returns 0 or -errno. */
int tl_setting_foresee(struct tl_journal *journal, const char *path, const char *value,
                       const char *old) WG_MUST_USE;

/* If a command of a journal is about a setting, writes its path and returns true. */
bool tl_setting_path(const char *command, char path[TL_SETTING_PATH_SIZE]) WG_MUST_USE;

/* If a command of a journal is about a setting, undoes it and returns true. */
bool tl_setting_release(const struct tl_journal *journal, const char *command) WG_MUST_USE;

#endif
