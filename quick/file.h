/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * file.h - the configuration file of an interface.
 *
 * Messages go to standard error.
 * Threads: the process has only one. */
#ifndef QUICK_FILE_H
#define QUICK_FILE_H

#include <limits.h>
#include <net/if.h>
#include <stdbool.h>

#include "base/attr.h"
#include "client/names.h"
#include "conf/change.h"
#include "conf/wgquick.h"
#include "io/file.h"

struct tl_quick_file {
        char path[PATH_MAX];
        char ifname[IF_NAMESIZE];
        struct tl_file file;
        bool is_sound;           /* the file has no mistakes; otherwise only `down` may use it */
        bool has_hooks;          /* wg-quick's keys have no mistakes; otherwise all are ignored */
        struct tl_wgquick quick; /* points into the file */
        struct tl_change device;
        struct tl_names missing; /* endpoint names that did not resolve */
};

/* Finds and reads the file of an interface: a path that ends in IFNAME.conf, or the name of an
 * interface, whose file is then in /etc/wireguard. Reports mistakes in it. Returns false, after
 * saying why, if no file can be read. Close it in any case. */
bool tl_quick_file_open(struct tl_quick_file *file, const char *name) WG_MUST_USE;

/* Wipes and frees. */
void tl_quick_file_close(struct tl_quick_file *file);

/* Prints the file without the keys that wg(8) does not know. Also removes them from the text in
 * memory. Returns false after saying what went wrong. */
bool tl_quick_file_print(struct tl_quick_file *file) WG_MUST_USE;

#endif
