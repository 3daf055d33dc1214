/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * aead_native_none.c - replaces aead_native_x86.c on processors without a back-end of their own. */
#include "crypto/aead_native.h"

const struct wg_aead_native wg_aead_natives[] = {{NULL, NULL}};
