/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/confirm.h"

#include <stdio.h>

#include "cli/networks.h"
#include "host/run.h"
#include "node/confirm.h"

static bool act(const struct tl_call *call, const char *name)
{
        if (tl_call_has(call, TL_CLI_WAIT))
                return tl_confirm_wait(name);
        if (tl_call_has(call, TL_CLI_REVERT)) {
                if (!tl_confirm_revert(name))
                        return false;
                printf("%s: the changes are undone\n", name);
                return true;
        }
        if (!tl_confirm(name))
                return false;
        printf("%s: the changes stay\n", name);
        return true;
}

int tl_cli_confirm(const struct tl_call *call)
{
        char name[IF_NAMESIZE];
        int status = tl_networks_name(name, tl_call_network(call));

        if (status)
                return status;
        tl_run_init();
        return act(call, name) ? TL_CLI_YES : TL_CLI_FAILED;
}
