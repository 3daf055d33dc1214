/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * fence.h - memory between inaccessible pages: an access outside it ends the test. Include it after
 * cmocka.h. */
#ifndef TEST_LIB_FENCE_H
#define TEST_LIB_FENCE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

struct fence {
        uint8_t *begin, *end; /* the accessible part: whole pages */
};

static inline struct fence fence_new(size_t len)
{
        size_t page = (size_t)sysconf(_SC_PAGESIZE), inner = (len + page - 1) / page * page;
        uint8_t *all = mmap(NULL, inner + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        assert_ptr_not_equal(all, MAP_FAILED);
        assert_int_equal(mprotect(all + page, inner, PROT_READ | PROT_WRITE), 0);
        return (struct fence){all + page, all + page + inner};
}

static inline void fence_free(struct fence *fence)
{
        size_t page = (size_t)sysconf(_SC_PAGESIZE);

        munmap(fence->begin - page, (size_t)(fence->end - fence->begin) + 2 * page);
}

#endif
