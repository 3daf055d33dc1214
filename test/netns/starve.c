/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * starve - a library to preload that makes one chosen memory allocation fail.
 *
 * It counts the program's calls of malloc, calloc, realloc, posix_memalign, aligned_alloc, memalign
 * and mmap, also those of its libraries (strdup and the like call malloc), and makes the nth fail:
 *
 *     STARVE_AT=N         which call fails, counted from 1; 0 or unset: none
 *     STARVE_REPORT=PATH  this file then gets a line "refused FUNCTION SIZE", and a last line
 *                         "counted NUMBER" if the program ends normally
 *
 * Calls by libseccomp are neither counted nor refused, because it mishandles failures (2.5.4 in
 * Debian 12 frees twice, or builds a filter that lacks rules). That is why tielined checks
 * beforehand that memory is available.
 *
 * A process that forks passes the count on, so parent and child may each reach the nth call. Calls
 * inside the C library are not seen. The variables are removed from the environment.
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

/* The C library's own functions, under names that remain when the others are replaced. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static uintptr_t exempt_from, exempt_to; /* the code of libseccomp */
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

/* Must not allocate memory. */
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

/* Whether this call is to fail; if so, reports it. */
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
