/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/settings.h"

#include <string.h>

#include "host/daemon.h"
#include "host/setting.h"
#include "io/fail.h"
#include "node/obstacles.h"

#define FORWARD "net/ipv4/ip_forward"
#define FORWARD6 "net/ipv6/conf/all/forwarding"
#define REDIRECTS "net/ipv4/conf/all/accept_redirects"
#define ACCEPT_RA "/accept_ra"

int tl_settings_hold(struct tl_journal *journal, const struct tl_planned_setting *setting)
{
        char value[TL_SETTING_SIZE];
        int error = 0;

        /* When ip_forward returns to 0, the kernel turns accept_redirects on, whatever it was. */
        if (strcmp(setting->path, FORWARD) == 0 && tl_setting_read(REDIRECTS, value) == 0 &&
            strcmp(value, "0") == 0)
                error = tl_setting_foresee(journal, REDIRECTS, "1", "0");
        return error ? error : tl_setting_hold(journal, setting->path, setting->value);
}

struct release {
        const struct tl_nodeplan *plan;
        bool has_looked;                        /* for the forwarder */
        char forwarder[TL_OBSTACLES_NAME_SIZE]; /* "": nobody else forwards */
};

/* The planned setting because of which a setting is held; NULL: the daemon is the reason. */
static const char *find_cause(const char *path)
{
        if (strcmp(path, TL_DAEMON_SETTING) == 0)
                return NULL;
        return strcmp(path, REDIRECTS) == 0 ? FORWARD : path;
}

static bool is_planned(const struct tl_nodeplan *plan, const char *path)
{
        const char *cause = find_cause(path);

        if (!plan || !cause)
                return plan;
        for (uint32_t i = 0; i < plan->setting_count; i++)
                if (strcmp(plan->settings[i].path, cause) == 0)
                        return true;
        return false;
}

bool tl_settings_is_forwarding(const char *path)
{
        return strcmp(path, FORWARD) == 0 || strcmp(path, FORWARD6) == 0;
}

/* Without accept_ra 2, a host that forwards loses the default route that it has learnt. */
static bool is_for_forwarding(const char *path)
{
        size_t len = strlen(path);

        return tl_settings_is_forwarding(path) ||
               (len > strlen(ACCEPT_RA) && strcmp(path + len - strlen(ACCEPT_RA), ACCEPT_RA) == 0);
}

/* Whether another program forwards. Looking for one takes a while. */
static bool has_forwarder(struct release *release, const char *ifname)
{
        if (!release->has_looked && !tl_obstacles_forwarder(ifname, release->forwarder))
                release->forwarder[0] = '\0';
        release->has_looked = true;
        return release->forwarder[0];
}

static bool release(void *ctx, const struct tl_journal *journal, const char *command)
{
        struct release *release = ctx;
        char path[TL_SETTING_PATH_SIZE];

        if (!tl_setting_path(command, path) || is_planned(release->plan, path))
                return false;
        if (!is_for_forwarding(path) || !has_forwarder(release, journal->name))
                return tl_setting_release(journal, command);
        if (tl_settings_is_forwarding(path))
                tl_warn("%s stays on: %s needs it", path, release->forwarder);
        return true;
}

int tl_settings_release(struct tl_journal *journal, const struct tl_nodeplan *plan)
{
        struct release context = {.plan = plan};

        return tl_journal_undo_some(journal, release, &context);
}
