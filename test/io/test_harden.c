/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Hardening takes effect, and lasts: each case runs in a child process. */
#include "io/harden.h"

#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "test/lib/cmocka.h"

/* Sanitizers replace mlockall() and lock nothing. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LOCKS_MEMORY false
#elif defined(__has_feature)
#define LOCKS_MEMORY \
        (!__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer) && \
         !__has_feature(memory_sanitizer))
#else
#define LOCKS_MEMORY true
#endif

/* The limit on locked memory, if the case has one; can_allocate() requests more. */
#define LIMIT ((rlim_t)8 << 20)

static unsigned long locked_kib(void)
{
        unsigned long kib = 0;
        char line[256];
        FILE *status = fopen("/proc/self/status", "r");

        while (fgets(line, sizeof(line), status))
                if (sscanf(line, "VmLck: %lu", &kib) == 1)
                        break;
        fclose(status);
        return kib;
}

static bool can_allocate(void)
{
        size_t len = 64 << 20;
        uint8_t *memory = malloc(len);

        if (!memory)
                return false;
        memset(memory, 1, len);
        free(memory);
        return true;
}

static bool check(uint32_t achieved, bool expects_lock)
{
        struct rlimit core;

        if (getrlimit(RLIMIT_CORE, &core) < 0 || core.rlim_cur != 0 || core.rlim_max != 0)
                return false;
        if (prctl(PR_GET_DUMPABLE) != 0 || !(achieved & TL_HARDEN_NO_CORE) ||
            !(achieved & TL_HARDEN_NO_DEBUG))
                return false;
        if (!(achieved & TL_HARDEN_NO_SWAP) != !expects_lock)
                return false;
        return can_allocate() && (!LOCKS_MEMORY || !locked_kib() == !expects_lock);
}

/* Keeps one capability, or none if it is -1. */
static bool keep_only(int capability)
{
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

        if (capability >= 0)
                data[CAP_TO_INDEX(capability)].effective =
                        data[CAP_TO_INDEX(capability)].permitted = CAP_TO_MASK(capability);
        return syscall(SYS_capset, &header, data) == 0;
}

enum { NONE = -1 };

/* Capabilities held (NONE or one), the soft and hard limit on locked memory, and whether memory is
 * locked in the end. */
static const struct {
        int number;
        const char *what;
        int capability;
        rlim_t limit, limit_max;
        bool is_locked;
} cases[] = {
        {1, "with the privilege, it raises its limit", CAP_SYS_RESOURCE, LIMIT, LIMIT, true},
        {2, "nothing helps", NONE, LIMIT, LIMIT, false},
        {3, "anybody may raise the soft limit to the hard limit", NONE, LIMIT, RLIM_INFINITY, true},
        {4, "there is no limit", NONE, RLIM_INFINITY, RLIM_INFINITY, true},
        {5, "a privilege that will be dropped does not help", CAP_IPC_LOCK, LIMIT, LIMIT, false},
        {6, "another privilege does not help", CAP_NET_ADMIN, LIMIT, LIMIT, false},
};

enum { PASSED, FAILED, MAY_NOT };

static int run_case(size_t i)
{
        const struct rlimit limit = {cases[i].limit, cases[i].limit_max};

        if (setrlimit(RLIMIT_MEMLOCK, &limit) < 0)
                return MAY_NOT;
        if (!keep_only(cases[i].capability))
                return MAY_NOT;
        return check(tl_harden_process(), cases[i].is_locked) ? PASSED : FAILED;
}

static void test_each_privilege(void **state WG_UNUSED)
{
        if (geteuid() != 0) {
                fprintf(stderr, "SKIPPED: needs root to have privileges and drop them\n");
                skip();
        }
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                int status;
                pid_t child = fork();

                if (child == 0)
                        _exit(run_case(i));
                assert_int_equal(waitpid(child, &status, 0), child);
                if (!WIFEXITED(status) || WEXITSTATUS(status) == FAILED)
                        fail_msg("case %d: %s", cases[i].number, cases[i].what);
                if (WEXITSTATUS(status) == MAY_NOT)
                        fprintf(stderr, "SKIPPED: case %d needs privileges that this root lacks\n",
                                cases[i].number);
        }
}

static void test_flags_have_names(void **state WG_UNUSED)
{
        char text[64];

        wg_flags_format(&tl_hardening_enum, TL_HARDEN_NO_CORE | TL_HARDEN_NO_SWAP, text,
                        sizeof(text));
        assert_string_equal(text, "no_core|no_swap");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_privilege),
                cmocka_unit_test(test_flags_have_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
