/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/verdict.h"

WG_ENUM_DEFINE(wg_verdict, WG_VERDICTS)

#define IS_BELOW_END(constant, value, name, text) \
        _Static_assert((value) < WG_VERDICT_END, #constant " lies past the counters");
WG_VERDICTS(IS_BELOW_END)
