/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * settings.h - kernel settings that a network holds (host/setting.h), and which of them to restore.
 *
 * Source: Linux, ip-sysctl. Threads: the process has only one; the caller holds the journal. */
#ifndef NODE_SETTINGS_H
#define NODE_SETTINGS_H

#include <stdbool.h>

#include "base/attr.h"
#include "host/journal.h"
#include "net/nodeplan.h"

/* Gives a setting the planned value. Returns 0 or -errno. */
int tl_settings_hold(struct tl_journal *journal,
                     const struct tl_planned_setting *setting) WG_MUST_USE;

/* Whether a setting, named by its path, makes the machine forward packets of others. */
bool tl_settings_is_forwarding(const char *path) WG_MUST_USE;

/* Restores the settings that the journal holds and the plan does not have; NULL: all. Forwarding
 * stays on, and it says so, while another program needs it. Returns 0 or -errno. */
int tl_settings_release(struct tl_journal *journal, const struct tl_nodeplan *plan) WG_MUST_USE;

#endif
