/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/message.h"

WG_ENUM_DEFINE(wg_message_type, WG_MESSAGE_TYPES)
