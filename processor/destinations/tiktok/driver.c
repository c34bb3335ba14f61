/* Destinations of type tiktok: the Events API 2.0. */
#include "destinations/driver.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/url.h"
#include "destinations/tiktok/answer.h"
#include "destinations/tiktok/codes.h"
#include "destinations/tiktok/defaults.h"
#include "destinations/tiktok/map.h"
#include "destinations/tiktok/names.h"
#include "destinations/tiktok/options.h"
#include "destinations/tiktok/probe.h"
#include "destinations/tiktok/review.h"
#include "destinations/tiktok/say.h"

#define REQUEST_PATH "/open_api/v1.3/event/track/"

struct tiktok {
    struct tiktok_map *map;     /* owned */
    struct tiktok_codes *codes; /* owned */
};

static const struct tiktok_map *map_of(const struct destination *to)
{
    return ((const struct tiktok *)to->own)->map;
}

static const struct tiktok_codes *codes_of(const struct destination *to)
{
    return ((const struct tiktok *)to->own)->codes;
}

/* the section */

static bool is_complete(const struct config_destination *config)
{
    const struct tiktok_options *options = tiktok_options_of(config);

    return options->event_source_id.ptr != NULL || options->event_source_path.ptr != NULL;
}

static bool compile(struct destination *to, struct diags *diags)
{
    struct tiktok *tiktok = mem_new(struct tiktok);
    size_t errors_before = diags->error_count;

    to->own = tiktok;
    tiktok->map = tiktok_map_compile(to->config, to->readers, diags);
    tiktok->codes = tiktok_codes_compile(to->config, diags);
    /* a path in the configuration is another's: a proxy, an older version of the API */
    to->url = url_with_path(to->config->url, REQUEST_PATH);
    return diags->error_count == errors_before;
}

static void free_own(void *own)
{
    struct tiktok *tiktok = own;

    tiktok_map_free(tiktok->map);
    tiktok_codes_free(tiktok->codes);
    free(tiktok);
}

static void review(const struct destination *to, const struct review *with, struct field_list *out,
                   struct diags *diags)
{
    tiktok_map_list(map_of(to), to->config, with->paths, out);
    tiktok_map_review(map_of(to), to->config, with->types, diags);
}

/* With a test event code all of it goes to the Test Events tab. */
static bool is_trial(const struct config_destination *config)
{
    return span_trim(tiktok_options_of(config)->test_event_code).len > 0;
}

static struct yaml_doc *default_map(const struct config_destination *config, struct diags *diags)
{
    return map_defaults_make(config, tiktok_options_of(config)->map, diags);
}

/* an event */

static void *scratch_new(void)
{
    return tiktok_scratch_new();
}

static void scratch_free(void *scratch)
{
    tiktok_scratch_free(scratch);
}

static enum err_code render(const struct destination *to, struct rendering *event, struct buf *out,
                            struct err *err)
{
    return tiktok_item_write(map_of(to), event, out, err);
}

static struct span group(const struct destination *to, const struct event_view *view,
                         struct arena *arena)
{
    return tiktok_source_id(map_of(to), view, arena);
}

/* a request */

static void begin(const struct destination *to, struct span source_id, struct buf *out)
{
    tiktok_body_begin(map_of(to), source_id, out);
}

static void separate(const struct destination *to, struct buf *out)
{
    (void)to;
    buf_add_char(out, ',');
}

static void end(const struct destination *to, struct buf *out)
{
    (void)to;
    tiktok_body_end(out);
}

static void headers(const struct destination *to, struct span body, int64_t wall_ms,
                    struct buf *out)
{
    (void)body;
    (void)wall_ms;
    buf_add_text(out, "Content-Type: application/json");
    buf_add_char(out, '\0');
    buf_add_text(out, "Access-Token: ");
    secret_read(tiktok_options_of(to->config)->access_token, out);
    buf_add_char(out, '\0');
}

static struct secret *secret(const struct config_destination *config, size_t index)
{
    return index == 0 ? tiktok_options_of(config)->access_token : NULL;
}

/* an answer */

static void read_answer(const struct destination *to, const struct http_reply *reply,
                        const struct answer_batch *batch, struct answer *out)
{
    if (reply->is_oversized) {
        tiktok_answer_read_cut(codes_of(to), reply->status, reply->body, out);
    } else {
        tiktok_answer_read(codes_of(to), reply->status, reply->body, batch, out);
    }
    if (reply->status == 503 && !out->has_code && reply->has_retry_after) {
        out->verdict = VERDICT_THROTTLED;
        out->scope = SCOPE_BATCH;
    }
}

/* a probe */

static void probe(const struct destination *to, struct buf *out)
{
    tiktok_probe_write(map_of(to), to->config, out);
}

static void read_probe(const struct destination *to, const struct http_reply *reply,
                       struct probe_result *out)
{
    tiktok_probe_read(codes_of(to), to, reply, out);
}

/* in place of the service */

static int say(const struct saying *saying, struct buf *out)
{
    static const int32_t codes[] = {[SAYS_TAKEN] = 0,
                                    [SAYS_PARTIAL] = 20001,
                                    [SAYS_THROTTLED] = 40100,
                                    [SAYS_CREDENTIAL] = 40105};
    const struct tiktok_saying answer = {.code = saying->kind == SAYS_CODE ? saying->code
                                                                           : codes[saying->kind],
                                         .request_id = "rehearsal"};
    size_t refused = 0;

    if (saying->kind != SAYS_PARTIAL) {
        tiktok_say(&answer, out);
        return 200;
    }
    tiktok_say_partial(&answer, out);
    for (size_t i = 0; i < saying->count; i++) {
        if (saying->is_refused(saying->context, i)) {
            tiktok_say_refused(out, refused++, i, SPAN_NONE, 40002);
        }
    }
    tiktok_say_end(out);
    return 200;
}

const struct driver tiktok_driver = {
    .section = {.name = "tiktok",
                .sections = tiktok_sections,
                .section_count = TIKTOK_SECTIONS,
                .own_bytes = sizeof(struct tiktok_options),
                .check = tiktok_options_check,
                .free = tiktok_options_free},
    .is_complete = is_complete,
    .compile = compile,
    .free = free_own,
    .review = review,
    .known_name = tiktok_name_near,
    .default_map = default_map,
    .is_trial = is_trial,
    .scratch_new = scratch_new,
    .scratch_free = scratch_free,
    .render = render,
    .group = group,
    .begin = begin,
    .separate = separate,
    .end = end,
    .headers = headers,
    .secret = secret,
    .read = read_answer,
    .has_codes = true,
    .say = say,
    .probe = probe,
    .read_probe = read_probe,
};
