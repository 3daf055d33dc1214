/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * setclock - a library to preload that gives one program its own real-time clock.
 *
 *     SETCLOCK=PATH  a file with the number of seconds that the program's CLOCK_REALTIME is ahead,
 *                    8 bytes in host order; writing to it sets the clock at once
 *
 * Only clock_gettime() changes; timers and file times do not. If the file cannot be
 * mapped, the library says so on stderr and ends the program.
 * Threads: any. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static _Atomic int64_t *ahead_s;

/* Mapped, because the program may not be allowed to open files later. */
__attribute__((constructor)) static void begin(void)
{
        const char *path = getenv("SETCLOCK");
        int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        void *memory = mmap(NULL, sizeof(*ahead_s), PROT_READ, MAP_SHARED, fd, 0);

        if (memory == MAP_FAILED) {
                fputs("setclock: cannot map the file named by SETCLOCK\n", stderr);
                _exit(127);
        }
        close(fd);
        ahead_s = memory;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
        int result = (int)syscall(SYS_clock_gettime, clock, now);

        if (result == 0 && clock == CLOCK_REALTIME && ahead_s)
                now->tv_sec += atomic_load(ahead_s);
        return result;
}
