/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * stdint.h - in place of the compiler's, for the check kbuild: the types of a 64-bit Linux kernel,
 * where uint64_t is unsigned long long. */
#ifndef SHIMS_STDINT_H
#define SHIMS_STDINT_H

typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;
typedef unsigned long uintptr_t;

#define UINT32_C(number) number##U
#define UINT64_C(number) number##ULL

#define UINT8_MAX 255
#define UINT16_MAX 65535
#define UINT32_MAX 4294967295U
#define UINT64_MAX 18446744073709551615ULL
#define SIZE_MAX (~0UL)

#endif
