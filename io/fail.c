/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

WG_PRINTF(2, 0) static void print(const char *kind, const char *format, va_list arguments)
{
        fprintf(stderr, "%s: %s", program_invocation_short_name, kind);
        vfprintf(stderr, format, arguments);
        fputc('\n', stderr);
}

bool tl_fail(const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        print("", format, arguments);
        va_end(arguments);
        return false;
}

bool tl_fail_usage(const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        print("", format, arguments);
        va_end(arguments);
        fprintf(stderr, "Try `%s --help'.\n", program_invocation_short_name);
        return false;
}

void tl_warn(const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        print("warning: ", format, arguments);
        va_end(arguments);
}
