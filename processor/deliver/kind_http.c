/* Destinations of type http: destinations/http does the work. */
#include "deliver/kind.h"

static struct span http_group(struct deliverer *d, const struct pipeline_destination *to,
                              const struct event_view *view)
{
    (void)d;
    (void)to;
    (void)view;
    return SPAN("");
}

static enum err_code http_render(struct deliverer *d, const struct pipeline_destination *to,
                                 const struct event_view *view, struct span event_id,
                                 struct buf *out, uint32_t *fields_left_out, struct err *err)
{
    (void)event_id;
    return webhook_item_write(to->webhook, view, &d->scratch, out, fields_left_out, err);
}

static void http_begin(const struct pipeline_destination *to, struct span group, struct buf *out)
{
    (void)group;
    webhook_body_begin(to->webhook, out);
}

static void http_separate(const struct pipeline_destination *to, struct buf *out)
{
    webhook_body_separate(to->webhook, out);
}

static void http_end(const struct pipeline_destination *to, struct buf *out)
{
    webhook_body_end(to->webhook, out);
}

static void http_headers(const struct pipeline_destination *to, struct span body, int64_t wall_ms,
                         struct buf *out)
{
    webhook_headers(to->webhook, body, wall_ms, out);
}

static struct secret *http_secret(const struct pipeline_destination *to, size_t index)
{
    return webhook_secret(to->webhook, index);
}

static void http_aim(const struct pipeline_destination *to, struct http_target *target)
{
    webhook_aim(to->webhook, target);
}

static void http_read(const struct pipeline_destination *to, const struct http_reply *reply,
                      const struct answer_batch *batch, struct answer *out)
{
    (void)batch;
    webhook_answer_read(to->webhook, reply, out);
}

const struct kind http_kind = {
    .group = http_group,
    .render = http_render,
    .begin = http_begin,
    .separate = http_separate,
    .end = http_end,
    .headers = http_headers,
    .secret = http_secret,
    .aim = http_aim,
    .read = http_read,
};
