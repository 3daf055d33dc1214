/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/processors.h"

#include <sched.h>

enum { PROCESSORS_MAX = 8192 }; /* the maximum in any Linux build */

unsigned int tl_processors_count(void)
{
        cpu_set_t set[PROCESSORS_MAX / CPU_SETSIZE] = {0};
        int count;

        if (sched_getaffinity(0, sizeof(set), set) < 0)
                return 1;
        count = CPU_COUNT_S(sizeof(set), set);
        return count > 0 ? (unsigned int)count : 1;
}
