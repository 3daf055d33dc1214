/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/similar.h"

#include <string.h>

enum { LONGEST = 63 };

static uint32_t least(uint32_t a, uint32_t b)
{
        return a < b ? a : b;
}

/* The number of letters to add, remove, replace or swap: the restricted Damerau-Levenshtein
 * distance, with the last three rows of its table. */
static uint32_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
        uint32_t rows[3][LONGEST + 1];
        uint32_t *before = rows[0], *last = rows[1], *row = rows[2], *spare;

        for (size_t j = 0; j <= b_len; j++)
                last[j] = (uint32_t)j;
        for (size_t i = 1; i <= a_len; i++) {
                row[0] = (uint32_t)i;
                for (size_t j = 1; j <= b_len; j++) {
                        row[j] = least(last[j], row[j - 1]) + 1;
                        row[j] = least(row[j], last[j - 1] + (a[i - 1] != b[j - 1]));
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                row[j] = least(row[j], before[j - 2] + 1);
                }
                spare = before;
                before = last;
                last = row;
                row = spare;
        }
        return last[b_len];
}

void tl_similar_consider(struct tl_similar *best, const char *word, size_t len,
                         const char *candidate)
{
        size_t candidate_len = strlen(candidate);
        uint32_t limit = (uint32_t)(len / 3 ? len / 3 : 1), found;

        if (len == 0 || len > LONGEST || candidate_len > LONGEST)
                return;
        found = distance(word, len, candidate, candidate_len);
        /* A word that must be replaced altogether is not similar. */
        if (found > limit || found >= len || (best->name && found >= best->distance))
                return;
        *best = (struct tl_similar){candidate, found};
}
