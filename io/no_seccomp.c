/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * no_seccomp.c - replaces seccomp.c if there is no libseccomp. */
#include <errno.h>

#include "io/sandbox.h"

int tl_sandbox_confine(enum tl_confinement confinement)
{
        (void)confinement;
        return -EOPNOTSUPP;
}
