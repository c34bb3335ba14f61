#include "deliver/kind.h"

/* tiktok */

static struct span tiktok_group(struct deliverer *d, const struct pipeline_destination *to,
                                const struct event_view *view)
{
    return tiktok_source_id(to->map, view, &d->scratch);
}

static enum err_code tiktok_render(struct deliverer *d, const struct pipeline_destination *to,
                                   const struct event_view *view, struct span event_id,
                                   struct buf *out, uint32_t *fields_left_out, struct err *err)
{
    struct tiktok_item item = {0};
    size_t from = out->len;
    enum err_code rc =
        tiktok_item_write(to->map, d->tiktok, view, event_id, &d->scratch, out, &item, err);

    if (rc != ERR_OK) {
        buf_truncate(out, from);
    }
    *fields_left_out = item.fields_left_out;
    return rc;
}

static void tiktok_begin(const struct pipeline_destination *to, struct span group, struct buf *out)
{
    tiktok_body_begin(to->map, group, out);
}

static void tiktok_separate(const struct pipeline_destination *to, struct buf *out)
{
    (void)to;
    buf_add_char(out, ',');
}

static void tiktok_end(const struct pipeline_destination *to, struct buf *out)
{
    (void)to;
    tiktok_body_end(out);
}

static void tiktok_headers(const struct pipeline_destination *to, struct span body, int64_t wall_ms,
                           struct buf *out)
{
    (void)body;
    (void)wall_ms;
    buf_add_text(out, "Content-Type: application/json");
    buf_add_char(out, '\0');
    buf_add_text(out, "Access-Token: ");
    secret_read(to->config->access_token, out);
    buf_add_char(out, '\0');
}

static struct secret *tiktok_secret(const struct pipeline_destination *to, size_t index)
{
    return index == 0 ? to->config->access_token : NULL;
}

static void tiktok_read(const struct pipeline_destination *to, const struct http_reply *reply,
                        const struct answer_batch *batch, struct answer *out)
{
    if (reply->is_oversized) {
        tiktok_answer_read_cut(to->codes, reply->status, reply->body, out);
    } else {
        tiktok_answer_read(to->codes, reply->status, reply->body, batch, out);
    }
    if (reply->status == 503 && !out->has_code && reply->has_retry_after) {
        out->verdict = VERDICT_THROTTLED;
        out->scope = SCOPE_BATCH;
    }
}

static const struct kind tiktok_kind = {
    .group = tiktok_group,
    .render = tiktok_render,
    .begin = tiktok_begin,
    .separate = tiktok_separate,
    .end = tiktok_end,
    .headers = tiktok_headers,
    .secret = tiktok_secret,
    .read = tiktok_read,
};

const struct kind *kind_of(enum destination_type type)
{
    INVARIANT(type == DESTINATION_TIKTOK || type == DESTINATION_HTTP);
    return type == DESTINATION_HTTP ? &http_kind : &tiktok_kind;
}
