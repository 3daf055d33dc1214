/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * cmocka.h - cmocka with the headers that it expects to be included before it. */
#ifndef TEST_LIB_CMOCKA_H
#define TEST_LIB_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
