/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/command.h"

#include <string.h>

#include "conf/similar.h"

const struct tl_command *tl_command_find(const struct tl_command *all, const char *name)
{
        for (const struct tl_command *command = all; command->name; command++) {
                if (strcmp(command->name, name) == 0)
                        return command;
        }
        return NULL;
}

const struct tl_command *tl_command_suggest(const struct tl_command *all, const char *name)
{
        struct tl_similar best = {0};

        for (const struct tl_command *command = all; command->name; command++) {
                if (!command->is_hidden)
                        tl_similar_consider(&best, name, strlen(name), command->name);
        }
        return best.name ? tl_command_find(all, best.name) : NULL;
}
