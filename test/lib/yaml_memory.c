/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * yaml_memory.c - memory for libyaml, in place of its own functions: a program that has functions
 * of these names is asked first.
 *
 * Linked with heap.c, libyaml's allocations fail on request, too. MemorySanitizer does not see what
 * libyaml writes, so its memory is initialised from the beginning.
 * Threads: any. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

void *yaml_malloc(size_t size);
void *yaml_realloc(void *memory, size_t size);
void yaml_free(void *memory);
char *yaml_strdup(const char *text);

void *yaml_malloc(size_t size)
{
        return calloc(1, size ? size : 1);
}

void *yaml_realloc(void *memory, size_t size)
{
        void *moved = yaml_malloc(size);

        if (moved && memory) {
                memcpy(moved, memory, WG_MIN(size, malloc_usable_size(memory)));
                free(memory);
        }
        return moved;
}

void yaml_free(void *memory)
{
        free(memory);
}

char *yaml_strdup(const char *text)
{
        char *copy = text ? yaml_malloc(strlen(text) + 1) : NULL;

        return copy ? strcpy(copy, text) : NULL;
}
