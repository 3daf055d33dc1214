/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "host/step.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/run.h"
#include "host/setting.h"
#include "io/fail.h"

struct tl_step *tl_steps_add(struct tl_steps *steps, uint32_t action)
{
        if (steps->count == steps->capacity) {
                uint32_t capacity = steps->capacity ? steps->capacity * 2 : 32;
                struct tl_step *bigger = reallocarray(steps->items, capacity, sizeof(*bigger));

                if (!bigger)
                        return NULL;
                steps->items = bigger;
                steps->capacity = capacity;
        }
        steps->items[steps->count] = (struct tl_step){.action = action};
        return &steps->items[steps->count++];
}

bool tl_step_write(char **text, const char *format, ...)
{
        va_list arguments;
        int len;

        va_start(arguments, format);
        len = vasprintf(text, format, arguments);
        va_end(arguments);
        if (len < 0)
                *text = NULL;
        return len >= 0;
}

void tl_steps_done(struct tl_steps *steps)
{
        for (uint32_t i = 0; i < steps->count; i++) {
                free(steps->items[i].command);
                free(steps->items[i].input);
                free(steps->items[i].undo);
        }
        free(steps->items);
        *steps = (struct tl_steps){0};
}

/* Whether `ip -batch` can run the step along with others. Stores the family's option and the words
 * after it. */
static bool is_batchable(const struct tl_step *step, char *family, const char **words)
{
        if (step->action != TL_STEP_RUN || step->input || step->undo ||
            (strncmp(step->command, "ip -4 ", 6) != 0 && strncmp(step->command, "ip -6 ", 6) != 0))
                return false;
        *family = step->command[4];
        *words = step->command + 6;
        return true;
}

/* Runs steps from *index on, as many as one process can take, and advances *index past them. With
 * one process per route, ten thousand routes would take a minute. */
static bool run_batch(const struct tl_steps *steps, uint32_t *index)
{
        char first = '4', family = '4', *input = NULL;
        const char *words;
        size_t size;
        FILE *out = open_memstream(&input, &size);
        bool is_good;

        if (!out)
                return tl_fail("out of memory");
        (void)is_batchable(&steps->items[*index], &first, &words);
        while (*index < steps->count && is_batchable(&steps->items[*index], &family, &words) &&
               family == first) {
                tl_run_show(steps->items[*index].command);
                fprintf(out, "%s\n", words);
                ++*index;
        }
        is_good = fclose(out) == 0 &&
                  tl_run_quietly(first == '4' ? "ip -4 -batch -" : "ip -6 -batch -", input);
        free(input);
        return is_good;
}

static bool do_step(const struct tl_step *step, struct tl_journal *journal,
                    bool (*act)(void *ctx, const struct tl_step *step), void *ctx)
{
        int error = step->undo ? tl_journal_add(journal, step->undo) : 0;

        if (error)
                return tl_fail("%s: %s", journal->path, strerror(-error));
        return step->action == TL_STEP_RUN ? tl_run(step->command, step->input) : act(ctx, step);
}

bool tl_steps_do(const struct tl_steps *steps, struct tl_journal *journal,
                 bool (*act)(void *ctx, const struct tl_step *step), void *ctx, uint32_t *failed)
{
        uint32_t i = 0;

        while (i < steps->count) {
                const char *words;
                char family;
                bool is_good;

                *failed = i;
                if (tl_run_is_interrupted())
                        return false;
                if (is_batchable(&steps->items[i], &family, &words))
                        is_good = run_batch(steps, &i);
                else
                        is_good = do_step(&steps->items[i++], journal, act, ctx);
                if (!is_good)
                        return false;
        }
        return true;
}

static void undo(const struct tl_journal *journal, const char *command)
{
        if (!tl_setting_release(journal, command))
                (void)!tl_run(command, NULL);
}

static void undo_elsewhere(const struct tl_journal *journal, const char *command)
{
        static const char *const local[] = {"ip ", "nft ", "iptables ", "ip6tables ", "setting "};

        for (size_t i = 0; i < WG_ARRAY_SIZE(local); i++)
                if (strncmp(command, local[i], strlen(local[i])) == 0)
                        return;
        undo(journal, command);
}

void tl_steps_undo(struct tl_journal *journal, size_t size)
{
        tl_journal_undo(journal, size, journal->is_foreign ? undo_elsewhere : undo);
}
