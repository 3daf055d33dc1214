/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/stop.h"

void tl_stop(struct tl_stop *stop, const char *why)
{
        if (!stop->is_stopping)
                tl_log(stop->log, TL_LOG_INFO, "ending: %s", why);
        stop->is_stopping = true;
}
