/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/json.h"

#include <stdio.h>

#include "cli/command.h"
#include "io/fail.h"

int tl_json_print(json_t *value)
{
        int failed = value ? json_dumpf(value, stdout, JSON_INDENT(2)) : -1;

        json_decref(value);
        if (failed) {
                tl_fail("cannot print JSON: out of memory, or text that is not UTF-8");
                return TL_CLI_FAILED;
        }
        putchar('\n');
        return TL_CLI_YES;
}
