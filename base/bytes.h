/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * bytes.h - integers in little and big endian at any address.
 * Threads: pure functions of their arguments. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include "base/std.h"

static inline uint16_t wg_be16_load(const uint8_t *at)
{
        return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t wg_be32_load(const uint8_t *at)
{
        return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline uint64_t wg_be64_load(const uint8_t *at)
{
        return (uint64_t)wg_be32_load(at) << 32 | wg_be32_load(at + 4);
}

static inline uint32_t wg_le32_load(const uint8_t *at)
{
        return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

static inline uint64_t wg_le64_load(const uint8_t *at)
{
        return (uint64_t)wg_le32_load(at + 4) << 32 | wg_le32_load(at);
}

static inline void wg_be16_store(uint8_t *at, uint16_t value)
{
        at[0] = (uint8_t)(value >> 8);
        at[1] = (uint8_t)value;
}

static inline void wg_be32_store(uint8_t *at, uint32_t value)
{
        wg_be16_store(at, (uint16_t)(value >> 16));
        wg_be16_store(at + 2, (uint16_t)value);
}

static inline void wg_be64_store(uint8_t *at, uint64_t value)
{
        wg_be32_store(at, (uint32_t)(value >> 32));
        wg_be32_store(at + 4, (uint32_t)value);
}

static inline void wg_le32_store(uint8_t *at, uint32_t value)
{
        at[0] = (uint8_t)value;
        at[1] = (uint8_t)(value >> 8);
        at[2] = (uint8_t)(value >> 16);
        at[3] = (uint8_t)(value >> 24);
}

static inline void wg_le64_store(uint8_t *at, uint64_t value)
{
        wg_le32_store(at, (uint32_t)value);
        wg_le32_store(at + 4, (uint32_t)(value >> 32));
}

#endif
