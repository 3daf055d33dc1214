/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * name.h - names in the network file: labels of the domain name system, in lower case.
 * Source: RFC 1035, 2.3.1. Threads: pure functions of their arguments. */
#ifndef CONF_NAME_H
#define CONF_NAME_H

#include <stdbool.h>

#include "base/attr.h"
#include "conf/text.h"

enum { TL_NAME_MAX = 63 };

/* Whether it is a name: a lower-case letter, then letters, digits and hyphens, the last of which is
 * no hyphen. */
bool tl_name_is_valid(struct tl_text text) WG_MUST_USE;

/* Whether it is a name, or two with a slash between them ("person/device"). */
bool tl_name_is_reference(struct tl_text text) WG_MUST_USE;

/* Whether it is a domain: names with dots between them, except that all but the last may begin with
 * a digit. At most 253 bytes. */
bool tl_name_is_domain(struct tl_text text) WG_MUST_USE;

#endif
