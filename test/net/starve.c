/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * starve - a library to preload: memory that is refused once, at a call to be named.
 *
 * Counts the calls of malloc, calloc, realloc, posix_memalign, aligned_alloc, memalign and mmap that a
 * program makes, whichever of its libraries makes them (strdup and its like are calls of malloc), and
 * lets the nth fail:
 *
 *     STARVE_AT=N         which one, counted from 1; 0 or nothing: none
 *     STARVE_REPORT=PATH  this file gets a line "refused FUNCTION SIZE" then, and the last line tells
 *                         "counted NUMBER" when the program ends in order
 *
 * Calls of libseccomp are neither counted nor refused: it cannot bear that (Debian 12's 2.5.4 frees twice,
 * or makes a filter that lacks rules), which is why tielined looks beforehand whether there is memory.
 *
 * A process that forks takes the count along, so that parent and child may each meet the nth call. What
 * the C library calls inside of itself is not seen. The variables are removed from the environment.
 * Threads: any. */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The C library's own, under the names that stay when the others are taken. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static uintptr_t exempt_from, exempt_to; /* where libseccomp lies */
static atomic_ulong count;
static unsigned long refused_at;
static int report = -1;

static int find_exempt(struct dl_phdr_info *info, size_t size, void *ctx)
{
        (void)size;
        (void)ctx;
        if (!strstr(info->dlpi_name, "libseccomp"))
                return 0;
        for (int i = 0; i < info->dlpi_phnum; i++) {
                const ElfW(Phdr) *part = &info->dlpi_phdr[i];

                if (part->p_type != PT_LOAD || !(part->p_flags & PF_X))
                        continue;
                exempt_from = info->dlpi_addr + part->p_vaddr;
                exempt_to = exempt_from + part->p_memsz;
        }
        return 1;
}

__attribute__((constructor)) static void begin(void)
{
        const char *at = getenv("STARVE_AT"), *path = getenv("STARVE_REPORT");

        if (path)
                report = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        refused_at = at ? strtoul(at, NULL, 10) : 0;
        unsetenv("STARVE_AT");
        unsetenv("STARVE_REPORT");
        unsetenv("LD_PRELOAD");
        dl_iterate_phdr(find_exempt, NULL);
        atomic_store(&count, 0);
}

/* Neither of these may take memory. */
static void tell(const char *what, const char *more, unsigned long number)
{
        char line[96];
        int len = snprintf(line, sizeof(line), "%s%s %lu\n", what, more, number);

        if (report >= 0)
                (void)!write(report, line, (size_t)len);
}

__attribute__((destructor)) static void end(void)
{
        tell("counted", "", atomic_load(&count));
}

/* Whether this call is the one; tells of it. */
static bool is_refused(const char *function, size_t size, const void *caller)
{
        int error = errno;

        if ((uintptr_t)caller >= exempt_from && (uintptr_t)caller < exempt_to)
                return false;
        if (atomic_fetch_add(&count, 1) + 1 != refused_at)
                return false;
        tell("refused ", function, size);
        errno = error;
        return true;
}

static void *refuse(void)
{
        errno = ENOMEM;
        return NULL;
}

void *malloc(size_t size)
{
        return is_refused("malloc", size, __builtin_return_address(0)) ? refuse()
                                                                       : __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
        return is_refused("calloc", number * size, __builtin_return_address(0))
                       ? refuse()
                       : __libc_calloc(number, size);
}

void *realloc(void *memory, size_t size)
{
        return is_refused("realloc", size, __builtin_return_address(0))
                       ? refuse()
                       : __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size)
{
        return is_refused("memalign", size, __builtin_return_address(0))
                       ? refuse()
                       : __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
        return is_refused("aligned_alloc", size, __builtin_return_address(0))
                       ? refuse()
                       : __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
        if (is_refused("posix_memalign", size, __builtin_return_address(0)))
                return ENOMEM;
        *memory = __libc_memalign(alignment, size);
        return *memory ? 0 : ENOMEM;
}

void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
        if (is_refused("mmap", size, __builtin_return_address(0))) {
                errno = ENOMEM;
                return MAP_FAILED;
        }
        return (void *)syscall(SYS_mmap, address, size, protection, flags, fd, offset);
}
