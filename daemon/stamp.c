/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/stamp.h"

#include <errno.h>
#include <string.h>

#include "daemon/stampfile.h"
#include "io/clock.h"

#define RESERVE_NS TL_NS_PER_S
#define AHEAD_MAX (10 * 366 * 24 * 3600 * TL_NS_PER_S)

static const char *why_useless(int error)
{
        switch (error) {
        case -ERANGE:
                return "it is more than ten years ahead of the clock";
        case -EBADMSG:
                return "it does not hold a time";
        case -EPERM:
                return "other users can write to it";
        default:
                return strerror(-error);
        }
}

void tl_stamp_recall(struct tl_stamp *stamp)
{
        uint64_t stamp_ns = 0;
        int error = tl_helper_recall_stamp(stamp->helper, &stamp_ns);

        if (error == -ENOENT) {
                tl_stampfile_make_room(TL_STATUS_DIRECTORY);
                return;
        }
        /* Do not use an absurd time: peers would then refuse every later daemon that does not know
         * it. */
        if (!error && stamp_ns > tl_clock_real_ns() + AHEAD_MAX)
                error = -ERANGE;
        if (error) {
                tl_log(stamp->log, TL_LOG_WARNING,
                       "ignoring the time of the last handshake in " TL_STATUS_DIRECTORY
                       "/%s.stamp: %s; if the clock was set back, peers refuse our handshakes "
                       "until it has caught up",
                       stamp->name, why_useless(error));
                return;
        }
        wg_engine_set_stamped(stamp->engine, stamp_ns);
        stamp->kept_ns = stamp_ns;
}

static void report_kept_stamp(struct tl_stamp *stamp)
{
        int error = tl_helper_keep_error(stamp->helper);

        if (error && error != stamp->keep_error)
                tl_log(stamp->log, TL_LOG_WARNING,
                       "cannot store the time of the last handshake in " TL_STATUS_DIRECTORY
                       "/%s.stamp: %s; if the clock is set back before the next start, peers "
                       "will refuse our handshakes until it has caught up",
                       stamp->name, strerror(-error));
        stamp->keep_error = error;
}

void tl_stamp_keep(struct tl_stamp *stamp)
{
        uint64_t stamped_ns = stamp->engine->stamped_ns;

        report_kept_stamp(stamp);
        if (stamped_ns <= stamp->kept_ns || stamped_ns > UINT64_MAX - RESERVE_NS)
                return;
        if (!tl_helper_keep_stamp(stamp->helper, stamped_ns + RESERVE_NS))
                stamp->kept_ns = stamped_ns + RESERVE_NS;
}
