#include "destinations/tiktok/probe.h"

#include <stdio.h>

#include "destinations/tiktok/codes.h"
#include "destinations/tiktok/options.h"

void tiktok_probe_write(const struct tiktok_map *map, const struct config_destination *config,
                        struct buf *out)
{
    const struct tiktok_options *options = tiktok_options_of(config);

    tiktok_body_begin(
        map, options->event_source_id.ptr != NULL ? options->event_source_id : SPAN("0"), out);
    tiktok_body_end(out);
}

/* Complaints about the empty request show that the token was taken; so does one about a source
 * that only an event can name. */
static bool is_refused(const struct config_destination *config, const struct answer *answer)
{
    const struct tiktok_options *options = tiktok_options_of(config);
    bool is_source_known = options->event_source_id.ptr != NULL;

    return answer->verdict == VERDICT_HOLD && answer->code != CODE_PARAM_ERROR &&
           (answer->code != CODE_NO_PERMISSION || is_source_known);
}

void tiktok_probe_read(const struct tiktok_codes *codes, const struct destination *to,
                       const struct http_reply *reply, struct probe_result *out)
{
    const struct config_destination *config = to->config;
    const struct tiktok_options *options = tiktok_options_of(config);
    const struct yaml_node *token = yaml_get(config->node, "access_token");
    const struct answer_batch none = {0};
    struct answer answer;

    tiktok_answer_read(codes, reply->status, reply->body, &none, &answer);
    *out = (struct probe_result){.place = token == NULL ? config->place : token->place};
    if (!answer.has_code) {
        out->state = PROBE_STRANGE;
        (void)snprintf(out->text, sizeof(out->text),
                       "answered HTTP %d without a code: is %s the Events API?", reply->status,
                       to->url);
    } else if (is_refused(config, &answer)) {
        out->state = PROBE_REFUSED;
        (void)snprintf(out->text, sizeof(out->text), "refused with code %d (%s): renew %s",
                       (int)answer.code, answer.text, secret_source(options->access_token));
    } else {
        out->state = PROBE_ACCEPTED;
        (void)snprintf(out->text, sizeof(out->text), "accepted");
    }
}
