/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lab/rekey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/text.h"

/* One change of the text: `gone` bytes at an offset make way for three texts. */
struct edit {
        size_t at, gone;
        const char *before, *key, *after;
        size_t indent; /* blanks to begin with */
};

/* The offset of a place; len if the text is shorter. */
static size_t offset_of(struct tl_text text, struct tl_place at)
{
        size_t offset = 0;

        for (uint32_t line = 1; line < at.line && offset < text.len; line++)
                offset += tl_text_find(tl_text_tail(text, offset), '\n') + 1;
        offset += at.column - 1;
        return WG_MIN(offset, text.len);
}

static char at(struct tl_text text, size_t offset)
{
        return offset < text.len ? text.at[offset] : '\n';
}

static size_t skip_blanks(struct tl_text text, size_t offset)
{
        while (at(text, offset) == ' ')
                offset++;
        return offset;
}

/* The offset after the line break of the line that has this offset. */
static size_t next_line(struct tl_text text, size_t offset)
{
        size_t end = offset + tl_text_find(tl_text_tail(text, offset), '\n');

        return WG_MIN(end + 1, text.len);
}

static bool is_line_over(char c)
{
        return c == '\n' || c == '\r' || c == '#';
}

/* The offset after the colon that follows a name; 0: there is none. */
static size_t skip_name(struct tl_text text, size_t offset)
{
        char quote = at(text, offset);

        if (quote == '"' || quote == '\'')
                offset += tl_text_find(tl_text_tail(text, offset + 1), quote) + 2;
        while (offset < text.len && text.at[offset] != ':' && text.at[offset] != '\n')
                offset++;
        return at(text, offset) == ':' ? offset + 1 : 0;
}

/* A name whose entry is on the following lines, indented further: a line is added before the first
 * of them. Returns false if the entry is empty. */
static bool add_line(struct tl_text text, size_t name, size_t offset, struct edit *edit)
{
        size_t line = name, indent, column;

        while (line > 0 && text.at[line - 1] != '\n')
                line--;
        indent = name - line;
        for (offset = next_line(text, offset); offset < text.len;
             offset = next_line(text, offset)) {
                size_t first = skip_blanks(text, offset);

                if (is_line_over(at(text, first)))
                        continue;
                column = first - offset;
                if (column <= indent)
                        return false;
                *edit = (struct edit){
                        .at = offset, .indent = column, .before = "key: \"", .after = "\"\n"};
                return true;
        }
        return false;
}

static bool add_key(struct tl_text text, const struct tl_rekey *key, struct edit *edit)
{
        size_t name = offset_of(text, key->name_at);
        size_t colon = skip_name(text, name), offset = skip_blanks(text, colon);

        if (!colon)
                return false;
        if (at(text, offset) == '{')
                *edit = (struct edit){.at = offset + 1, .before = "key: \"", .after = "\", "};
        else if (!is_line_over(at(text, offset)) && at(text, offset) != ',' &&
                 at(text, offset) != '}')
                return false;
        else if (!is_line_over(at(text, offset)) || !add_line(text, name, offset, edit))
                *edit = (struct edit){.at = colon, .before = " {key: \"", .after = "\"}"};
        edit->key = key->key;
        return true;
}

static bool replace_key(struct tl_text text, const struct tl_rekey *key, struct edit *edit)
{
        size_t offset = offset_of(text, key->key_at);

        if (at(text, offset) == '"' || at(text, offset) == '\'')
                offset++;
        if (text.len - offset < TL_REKEY_LEN)
                return false;
        *edit = (struct edit){
                .at = offset, .gone = TL_REKEY_LEN, .before = "", .key = key->key, .after = ""};
        return true;
}

static int compare(const void *a, const void *b)
{
        const struct edit *x = a, *y = b;

        return x->at < y->at ? -1 : x->at > y->at;
}

static char *carry_out(struct tl_text text, const struct edit *edits, uint32_t count,
                       size_t *new_len)
{
        char *out = NULL;
        FILE *file = open_memstream(&out, new_len);
        size_t done = 0;

        if (!file)
                return NULL;
        for (uint32_t i = 0; i < count; i++) {
                const struct edit *edit = &edits[i];

                fwrite(text.at + done, 1, edit->at - done, file);
                fprintf(file, "%*s%s%s%s", (int)edit->indent, "", edit->before, edit->key,
                        edit->after);
                done = edit->at + edit->gone;
        }
        fwrite(text.at + done, 1, text.len - done, file);
        if (fclose(file) == 0)
                return out;
        free(out);
        return NULL;
}

char *tl_rekey(const char *text, size_t len, const struct tl_rekey *keys, uint32_t count,
               size_t *new_len)
{
        const struct tl_text whole = {text, len};
        struct edit *edits = calloc(count + 1u, sizeof(*edits));
        bool is_good = edits != NULL;
        char *out;

        for (uint32_t i = 0; is_good && i < count; i++)
                is_good = keys[i].key_at.line ? replace_key(whole, &keys[i], &edits[i])
                                              : add_key(whole, &keys[i], &edits[i]);
        if (is_good)
                qsort(edits, count, sizeof(*edits), compare);
        /* One key for two entries, through an alias of YAML, is nothing that we can change. */
        for (uint32_t i = 1; is_good && i < count; i++)
                is_good = edits[i].at >= edits[i - 1].at + edits[i - 1].gone &&
                          edits[i].at != edits[i - 1].at;
        out = is_good ? carry_out(whole, edits, count, new_len) : NULL;
        free(edits);
        return out;
}
