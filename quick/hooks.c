/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "quick/hooks.h"

#include <stdio.h>
#include <stdlib.h>

#include "host/run.h"
#include "io/fail.h"

/* Returns the hook with each %i replaced by the name of the interface. The caller frees it. */
static char *expand(const struct tl_text *hook, const char *ifname)
{
        size_t size;
        char *line = NULL;
        FILE *out = open_memstream(&line, &size);

        if (!out)
                return NULL;
        for (size_t i = 0; i < hook->len; i++) {
                if (hook->at[i] == '%' && i + 1 < hook->len && hook->at[i + 1] == 'i') {
                        fputs(ifname, out);
                        i++;
                } else {
                        fputc(hook->at[i], out);
                }
        }
        if (fclose(out) == 0)
                return line;
        free(line);
        return NULL;
}

/* Sets the variables that hooks see under wg-quick, which runs them in its own shell. */
static void write_variables(FILE *out, const struct tl_quick_file *file)
{
        char *path = realpath(file->path, NULL);

        fprintf(out, "INTERFACE=%s CONFIG_FILE='", file->ifname);
        for (const char *c = path ? path : file->path; *c; c++)
                if (*c == '\'')
                        fputs("'\\''", out);
                else
                        fputc(*c, out);
        fputs("'\n", out);
        free(path);
}

/* Returns the script for a hook, which the caller frees, or NULL if there is no memory. */
static char *write_script(const struct tl_quick_file *file, const char *line)
{
        size_t size;
        char *script = NULL;
        FILE *out = open_memstream(&script, &size);

        if (!out)
                return NULL;
        write_variables(out, file);
        fputs(line, out);
        if (fclose(out) == 0)
                return script;
        free(script);
        return NULL;
}

/* errexit, pipefail and extglob are as in wg-quick, whose users rely on them. */
static bool run_script(const char *line, const char *script)
{
        tl_run_show(line);
        return tl_run_script(tl_run_has("bash") ? "bash -e -o pipefail -O extglob" : "sh -e",
                             script);
}

static bool run_hook(const struct tl_quick_file *file, enum tl_wgquick_hook hook, uint32_t i)
{
        char *line = expand(&file->quick.hooks[hook].items[i], file->ifname);
        char *script = line ? write_script(file, line) : NULL;
        bool is_good = script && run_script(line, script);

        free(script);
        free(line);
        return is_good || tl_fail("a %s command failed", tl_wgquick_hook_name(hook));
}

bool tl_hooks_run(const struct tl_quick_file *file, enum tl_wgquick_hook hook)
{
        for (uint32_t i = 0; i < file->quick.hooks[hook].count; i++)
                if (tl_run_is_interrupted() || !run_hook(file, hook, i))
                        return false;
        return true;
}

bool tl_hooks_run_all(const struct tl_quick_file *file, enum tl_wgquick_hook hook)
{
        bool is_good = true;

        for (uint32_t i = 0; i < file->quick.hooks[hook].count; i++)
                is_good = run_hook(file, hook, i) && is_good;
        return is_good;
}
