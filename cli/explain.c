/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/explain.h"

#include <stdio.h>
#include <string.h>

#include "cli/json.h"
#include "cli/load.h"
#include "cli/report.h"
#include "cli/walkview.h"
#include "conf/address.h"
#include "conf/flow.h"
#include "conf/writer.h"
#include "io/fail.h"
#include "net/explain.h"
#include "node/whereabouts.h"

/* ---- the question ---- */

enum { MOST_WORDS = 8 };

/* The words of the command line. One that has an arrow is a quoted connection: it is split at white
 * space and at the arrow. Others stay whole, since paths may have blanks. */
struct tokens {
        struct tl_text items[MOST_WORDS];
        int count; /* may be greater than MOST_WORDS */
};

static void add_token(struct tokens *tokens, const char *at, size_t len)
{
        if (len && tokens->count < MOST_WORDS)
                tokens->items[tokens->count] = (struct tl_text){at, len};
        tokens->count += len > 0;
}

static void split(struct tokens *tokens, const char *word)
{
        const char *start = word;

        if (!strstr(word, "->")) {
                add_token(tokens, word, strlen(word));
                return;
        }
        for (; *word; word++) {
                bool is_arrow = word[0] == '-' && word[1] == '>';

                if (!is_arrow && *word != ' ' && *word != '\t')
                        continue;
                add_token(tokens, start, (size_t)(word - start));
                if (is_arrow)
                        add_token(tokens, word++, 2);
                start = word + 1;
        }
        add_token(tokens, start, (size_t)(word - start));
}

static bool is_arrow(struct tl_text token)
{
        return tl_text_is(token, "->") || tl_text_is(token, "-") || tl_text_is(token, "to");
}

/* Removes the arrow, which must stand before the last word, if there is one. */
static void drop_arrow(struct tokens *tokens)
{
        int last = tokens->count - 1;

        if (last < 2 || last >= MOST_WORDS || !is_arrow(tokens->items[last - 1]))
                return;
        tokens->items[last - 1] = tokens->items[last];
        tokens->count--;
}

const char *tl_question_read(struct tl_question *question, char *const *words, int count)
{
        struct tokens tokens = {0};
        struct tl_writer network, flow;
        const struct tl_text *last;

        for (int i = 0; i < count; i++)
                split(&tokens, words[i]);
        if (tokens.count > 1 && tokens.count <= MOST_WORDS &&
            tokens.items[tokens.count - 1].at[0] == '-')
                return "no destination: the shell takes `>' for itself, and writes to a file of "
                       "that name; quote the connection, as in \"b -> d:443\", or leave out the "
                       "arrow";
        drop_arrow(&tokens);
        if (tokens.count < 2)
                return "which connection? Give a source and a destination, as in \"b -> d:443\"";
        if (tokens.count > 3)
                return "too many words: a network, a source and a destination are enough";
        last = &tokens.items[tokens.count - 1];
        tl_writer_init(&network, question->network, sizeof(question->network));
        tl_writer_init(&flow, question->flow, sizeof(question->flow));
        if (tokens.count == 3)
                tl_writer_add(&network, "%.*s", (int)tokens.items[0].len, tokens.items[0].at);
        else
                tl_writer_add(&network, "%s", "");
        tl_writer_add(&flow, "%.*s -> %.*s", (int)last[-1].len, last[-1].at, (int)last->len,
                      last->at);
        return network.is_cut || flow.is_cut ? "a word is too long" : NULL;
}

/* ---- JSON ---- */

static json_t *describe_end(const char *name, const struct wg_ip *ip, const char *note)
{
        char text[TL_ADDRESS_IP_SIZE];
        bool has_address = ip->family != WG_FAMILY_NONE;

        if (has_address)
                tl_address_format_ip(text, ip);
        return json_pack("{s:s, s:s*, s:s*}", "name", name, "address", has_address ? text : NULL,
                         "note", note);
}

static json_t *describe_hops(const struct tl_explanation *explanation)
{
        json_t *hops = json_array();

        for (uint32_t i = 0; i < explanation->hop_count; i++) {
                const struct tl_hop *hop = &explanation->hops[i];
                json_t *object = json_pack("{s:s, s:s, s:b, s:b}", "where", hop->where, "text",
                                           hop->text, "is_return", hop->is_return, "is_broken",
                                           hop->is_broken);

                tl_report_json_place(object, hop->at);
                json_array_append_new(hops, object);
        }
        return hops;
}

static json_t *describe_near(const struct tl_explanation *explanation)
{
        json_t *rules = json_array();

        for (uint32_t i = 0; i < explanation->near_count; i++) {
                json_t *object = json_pack("{s:s}", "text", explanation->near[i].text);

                tl_report_json_place(object, explanation->near[i].at);
                json_array_append_new(rules, object);
        }
        return rules;
}

static const char *protocol_name(uint8_t protocol)
{
        if (protocol == WG_PROTOCOL_ICMP)
                return "icmp";
        return protocol == WG_PROTOCOL_TCP ? "tcp" : "udp";
}

static void set_ip(json_t *object, const char *name, const struct wg_ip *ip)
{
        char text[TL_ADDRESS_IP_SIZE];

        tl_address_format_ip(text, ip);
        json_object_set_new(object, name, json_string(text));
}

/* How the source dials, and what the tunnel sees. */
static void add_course(json_t *object, const struct tl_explanation *explanation)
{
        const struct tl_course *course = &explanation->course;

        if (course->dial.family == WG_FAMILY_NONE)
                return;
        set_ip(object, "dials", &course->dial);
        json_object_set_new(object, "form", json_string(tl_course_form_name(course->form)));
        if (explanation->why)
                json_object_set_new(object, "why", json_string(explanation->why));
        set_ip(object, "tunnel_from", &course->from);
        set_ip(object, "tunnel_to", &course->to);
        json_object_set_new(object, "travel_out", json_string(tl_travel_name(course->out.mode)));
        json_object_set_new(object, "travel_in", json_string(tl_travel_name(course->in.mode)));
}

static int print_json(const struct tl_explanation *explanation, const char *file)
{
        char seen[TL_ADDRESS_IP_SIZE];
        bool is_seen = explanation->seen.family != WG_FAMILY_NONE;
        json_t *object;

        if (is_seen)
                tl_address_format_ip(seen, &explanation->seen);
        object = json_pack(
                "{s:b, s:s, s:s, s:s*, s:s, s:o, s:o, s:s, s:i, s:s*, s:i, s:o, s:o}", "reachable",
                explanation->is_reachable, "cause", tl_cause_name(explanation->cause), "message",
                explanation->message, "fix", explanation->fix, "file", file, "from",
                describe_end(explanation->from_name, &explanation->from, explanation->note[0]),
                "to", describe_end(explanation->to_name, &explanation->to, explanation->note[1]),
                "protocol", protocol_name(explanation->protocol), "port", (int)explanation->port,
                "seen", is_seen ? seen : NULL, "mtu", (int)explanation->mtu, "hops",
                describe_hops(explanation), "near", describe_near(explanation));
        add_course(object, explanation);
        tl_report_json_place(object, explanation->at);
        return tl_json_print(object);
}

/* ---- the networks that machines are in ---- */

/* The node of a name: of a person, the only device; of a site, its node. */
static uint32_t find_node(const struct tl_model *model, struct tl_text name)
{
        const struct tl_entity *entity = tl_model_find(model, name.at, name.len);

        if (!entity)
                return TL_MODEL_NONE;
        if (entity->kind == TL_ENTITY_NODE)
                return entity->index;
        if (entity->kind == TL_ENTITY_SITE)
                return model->sites[entity->index].node;
        if (entity->kind == TL_ENTITY_PERSON &&
            model->person_nodes[entity->index] + 1 == model->person_nodes[entity->index + 1])
                return model->person_nodes[entity->index];
        return TL_MODEL_NONE;
}

/* Supposes that a node is in a network: "e/laptop=192.168.1.0/24". */
static bool suppose(struct tl_model *model, const char *argument)
{
        struct tl_text text = {argument, strlen(argument)}, name;
        size_t len = tl_text_find(text, '=');
        struct tl_presence presence = {0};

        name = tl_text_head(text, len);
        if (len == text.len ||
            !tl_address_parse_prefix(tl_text_tail(text, len + 1), &presence.prefix))
                return tl_fail_usage("--in takes a machine and a prefix, such as "
                                     "e/laptop=192.168.1.0/24, not `%s'",
                                     argument);
        presence.node = find_node(model, name);
        if (presence.node == TL_MODEL_NONE)
                return tl_fail_usage("--in: `%.*s' is not one node of the network: name a hub, "
                                     "the node of a site or a device, such as e/laptop",
                                     (int)name.len, name.at);
        wg_prefix_mask(&presence.prefix);
        return tl_model_add_presence(model, &presence) || tl_fail("out of memory");
}

/* Adds what is known beyond the file. With --in, somebody asks about another place, so what is the
 * case here does not count. */
static bool add_facts(const struct tl_call *call, struct tl_load *load)
{
        for (int i = 0; i < call->in_count; i++)
                if (!suppose(&load->model, call->ins[i]))
                        return false;
        if (call->in_count)
                return true;
        return tl_whereabouts_add(&load->model, &load->plans.uplink_node,
                                  &load->plans.uplink_mtu) ||
               tl_fail("out of memory");
}

/* ---- the command ---- */

static int explain(const struct tl_call *call, struct tl_load *load, const struct tl_flow *flow)
{
        struct tl_explanation explanation;
        struct tl_findings findings = {0};
        int status = TL_CLI_USAGE;

        if (tl_explain(&explanation, &load->plans, flow, (struct tl_place){0}, &findings)) {
                struct tl_pen pen = tl_pen_of_stdout();

                status = explanation.is_reachable ? TL_CLI_YES : TL_CLI_NO;
                if (!tl_call_has(call, TL_CLI_JSON))
                        tl_walkview_print(&pen, load->paths.file, &explanation);
                else if (print_json(&explanation, load->paths.file) != 0)
                        status = TL_CLI_FAILED;
        } else {
                tl_report_findings(&findings, load->paths.file);
        }
        tl_findings_done(&findings);
        tl_explain_done(&explanation);
        return status;
}

/* Reads --as. */
static bool read_claim(const struct tl_call *call, struct tl_flow *flow)
{
        const char *text = call->options[TL_CLI_AS];

        if (!text || tl_address_parse_ip((struct tl_text){text, strlen(text)}, &flow->as))
                return true;
        return tl_fail_usage("--as takes an address, such as 192.168.201.55, not `%s'", text);
}

int tl_cli_explain(const struct tl_call *call)
{
        struct tl_question question;
        struct tl_flow flow;
        struct tl_load load;
        size_t offset;
        const char *wrong = tl_question_read(&question, call->words, call->word_count);
        int status;

        if (!wrong)
                wrong = tl_flow_parse((struct tl_text){question.flow, strlen(question.flow)}, &flow,
                                      &offset);
        if (wrong) {
                tl_fail_usage("%s", wrong);
                return TL_CLI_USAGE;
        }
        if (!read_claim(call, &flow))
                return TL_CLI_USAGE;
        status = tl_load_read(&load, question.network[0] ? question.network : NULL);
        if (!status && !load.is_good) {
                tl_load_print_findings(&load);
                status = TL_CLI_FAILED;
        } else if (!status && !add_facts(call, &load)) {
                status = TL_CLI_USAGE;
        } else if (!status) {
                status = explain(call, &load, &flow);
        }
        tl_load_done(&load);
        return status;
}
