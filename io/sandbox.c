/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/sandbox.h"

#include <grp.h>
#include <pwd.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/attr.h"

WG_FLAGS_DEFINE(tl_sandbox, TL_SANDBOXES)
WG_ENUM_DEFINE(tl_confinement, TL_CONFINEMENTS)

/* The UID and GID of the user nobody on every Linux, in case even that name is missing. */
enum { NOBODY = 65534 };

struct tl_user tl_sandbox_find_user(const char *name)
{
        const struct passwd *found = getpwnam(name);

        if (!found)
                found = getpwnam("nobody");
        if (!found)
                return (struct tl_user){NOBODY, NOBODY};
        return (struct tl_user){found->pw_uid, found->pw_gid};
}

static bool is_kept(uint64_t keep, cap_value_t capability)
{
        return keep >> capability & 1;
}

/* Needs CAP_SETPCAP. Capabilities left in the bounding set could only come back by an exec, and
 * no_new_privs makes that harmless. */
static bool drop_bound(uint64_t keep)
{
        bool all = true;

        for (cap_value_t c = 0; c < cap_max_bits(); c++)
                if (!is_kept(keep, c) && cap_get_bound(c) == 1 && cap_drop_bound(c) < 0)
                        all = false;
        return all;
}

/* Changes user and group, and drops supplementary groups. */
static bool become(const struct tl_user *user)
{
        if (geteuid() != 0 && getuid() != 0)
                return true;
        return setgroups(0, NULL) == 0 && setresgid(user->gid, user->gid, user->gid) == 0 &&
               setresuid(user->uid, user->uid, user->uid) == 0;
}

/* Keeps only capabilities in `keep` that the process had. */
static bool drop_capabilities(uint64_t keep)
{
        cap_t now = cap_get_proc(), wanted = cap_init();
        bool done = now && wanted;

        for (cap_value_t c = 0; done && c < cap_max_bits(); c++) {
                cap_flag_value_t has = CAP_CLEAR;

                if (!is_kept(keep, c))
                        continue;
                done = cap_get_flag(now, c, CAP_PERMITTED, &has) == 0;
                if (done && has == CAP_SET)
                        done = cap_set_flag(wanted, CAP_PERMITTED, 1, &c, CAP_SET) == 0 &&
                               cap_set_flag(wanted, CAP_EFFECTIVE, 1, &c, CAP_SET) == 0;
        }
        done = done && cap_set_proc(wanted) == 0;
        cap_free(now);
        cap_free(wanted);
        return done;
}

uint32_t tl_sandbox_drop(const struct tl_user *user, uint64_t keep)
{
        int dumpable = prctl(PR_GET_DUMPABLE);
        uint32_t done = 0;

        if (drop_bound(keep))
                done |= TL_SANDBOX_BOUND;
        cap_reset_ambient(); /* old kernels have none to reset */
        if (user && become(user))
                done |= TL_SANDBOX_USER;
        if (drop_capabilities(keep))
                done |= TL_SANDBOX_CAPABILITIES;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
                done |= TL_SANDBOX_NO_NEW_PRIVILEGES;
        /* A change of user resets the flag to the system's default, which may allow core dumps. */
        if (dumpable >= 0)
                prctl(PR_SET_DUMPABLE, dumpable);
        return done;
}
