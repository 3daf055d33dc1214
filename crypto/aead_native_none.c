/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * aead_native_none.c - in the place of aead_native_x86.c where nothing was written for the processor. */
#include "crypto/aead_native.h"

const struct wg_aead_native wg_aead_natives[] = {{NULL, NULL}};
