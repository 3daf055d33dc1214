/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/stat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/ask.h"
#include "conf/status_view.h"
#include "core/verdict.h"
#include "io/fail.h"

struct stat_buffers {
        struct tl_ask ask;
        char view[TL_STATUS_VIEW_MAX];
};

static size_t write_view(struct stat_buffers *b, enum tl_stat_view view)
{
        switch (view) {
        case TL_STAT_USUAL:
                return tl_status_for_people(&b->ask.status, &wg_verdict_enum,
                                            TL_STATUS_DETAIL_USUAL, b->view);
        case TL_STAT_ALL:
                return tl_status_for_people(&b->ask.status, &wg_verdict_enum, TL_STATUS_DETAIL_ALL,
                                            b->view);
        case TL_STAT_JSON:
                return tl_status_as_json(&b->ask.status, b->view);
        }
        return 0;
}

static bool show(const char *name, enum tl_stat_view view, struct stat_buffers *b)
{
        if (!tl_ask_status(&b->ask, name))
                return tl_fail("%s", b->ask.failure);
        return (fwrite(b->view, 1, write_view(b, view), stdout) != 0 && fflush(stdout) == 0) ||
               tl_fail("cannot write: %s", strerror(errno));
}

int tl_stat(const char *name, enum tl_stat_view view)
{
        struct stat_buffers *b = malloc(sizeof(*b));
        bool is_good = b ? show(name, view, b) : tl_fail("out of memory");

        free(b);
        return is_good ? TL_EXIT_OK : TL_EXIT_FAILED;
}
