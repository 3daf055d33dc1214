/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/mistakes.h"

#include <inttypes.h>
#include <string.h>

#include "base/bits.h"

static bool is_before(const struct tl_conf_error *a, const struct tl_conf_error *b)
{
        return a->line != b->line ? a->line < b->line : a->column < b->column;
}

uint32_t tl_mistakes_kept(const struct tl_mistakes *mistakes)
{
        return WG_MIN(mistakes->count, (uint32_t)TL_MISTAKES_MAX);
}

/* Mistakes at the same place stay in the order in which they were found. */
void tl_mistakes_add(struct tl_mistakes *mistakes, struct tl_conf_error mistake)
{
        uint32_t kept = tl_mistakes_kept(mistakes), at = kept;

        while (at > 0 && is_before(&mistake, &mistakes->first[at - 1]))
                at--;
        mistakes->count += mistakes->count < UINT32_MAX;
        if (at == TL_MISTAKES_MAX)
                return;
        memmove(&mistakes->first[at + 1], &mistakes->first[at],
                (WG_MIN(kept, TL_MISTAKES_MAX - 1u) - at) * sizeof(mistake));
        mistakes->first[at] = mistake;
}

void tl_mistakes_write(const struct tl_mistakes *mistakes, const char *program, const char *file,
                       FILE *out)
{
        uint32_t kept = tl_mistakes_kept(mistakes), more = mistakes->count - kept;

        for (uint32_t i = 0; i < kept; i++) {
                const struct tl_conf_error *m = &mistakes->first[i];

                fprintf(out, "%s: %s:%" PRIu32 ":%" PRIu32 ": %s\n", program, file, m->line,
                        m->column, m->message);
        }
        if (more)
                fprintf(out, "%s: %s: %" PRIu32 " more mistake%s\n", program, file, more,
                        more == 1 ? "" : "s");
}
