/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/name.h"

enum { DOMAIN_MAX = 253 };

static bool is_letter(char c)
{
        return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool is_label(struct tl_text text)
{
        if (!text.len || text.len > TL_NAME_MAX || text.at[0] == '-' ||
            text.at[text.len - 1] == '-')
                return false;
        for (size_t i = 0; i < text.len; i++)
                if (!is_letter(text.at[i]) && !is_digit(text.at[i]) && text.at[i] != '-')
                        return false;
        return true;
}

bool tl_name_is_valid(struct tl_text text)
{
        return is_label(text) && is_letter(text.at[0]);
}

bool tl_name_is_reference(struct tl_text text)
{
        size_t slash = tl_text_find(text, '/');

        if (!tl_name_is_valid(tl_text_head(text, slash)))
                return false;
        return slash == text.len || tl_name_is_valid(tl_text_tail(text, slash + 1));
}

bool tl_name_is_domain(struct tl_text text)
{
        if (text.len > DOMAIN_MAX)
                return false;
        for (;;) {
                size_t dot = tl_text_find(text, '.');

                if (dot == text.len)
                        return tl_name_is_valid(text);
                if (!is_label(tl_text_head(text, dot)))
                        return false;
                text = tl_text_tail(text, dot + 1);
        }
}
