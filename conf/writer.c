/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/writer.h"

#include <stdarg.h>
#include <stdio.h>

void tl_writer_init(struct tl_writer *writer, char *out, size_t size)
{
        *writer = (struct tl_writer){.out = out, .size = size};
        if (size)
                out[0] = '\0';
}

void tl_writer_add(struct tl_writer *writer, const char *format, ...)
{
        size_t room = writer->size - writer->len;
        va_list arguments;
        int len;

        if (writer->is_cut)
                return;
        va_start(arguments, format);
        len = vsnprintf(writer->out + writer->len, room, format, arguments);
        va_end(arguments);
        if (len < 0 || (size_t)len >= room)
                writer->is_cut = true;
        else
                writer->len += (size_t)len;
}

char *tl_writer_take(struct tl_writer *writer, size_t len)
{
        char *taken = writer->out + writer->len;

        if (writer->is_cut || len >= writer->size - writer->len) {
                writer->is_cut = true;
                return NULL;
        }
        writer->len += len;
        *(writer->out + writer->len) = '\0';
        return taken;
}
