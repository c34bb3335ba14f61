#include "deliver/item.h"

enum err_code item_decode(struct deliverer *d, const struct event *event, struct decoded *out,
                          struct err *err)
{
    struct frame frame;
    enum reason reason;
    enum err_code rc;

    PRE(event->writer != NULL); /* it was decoded when it was taken in */
    arena_reset(&d->scratch);
    d->io->view(event->message, &out->message);
    rc = catalog_unframe(d->pipeline->catalog, out->message.value, &frame, err);
    if (rc == ERR_OK) {
        const struct view_source from = {event->writer, frame.payload, d->wall_ms, &d->scratch};

        rc = view_decode(d->pipeline, &from, out, &reason, err);
    }
    return rc;
}

enum err_code item_render(struct deliverer *d, const struct config_destination *destination,
                          struct rendering *event, struct buf *out, struct err *err)
{
    size_t index = pipeline_index(d->pipeline, destination);
    const struct destination *to = &d->pipeline->destinations[index];
    size_t from = out->len;
    enum err_code rc;

    event->arena = &d->scratch;
    event->scratch = d->scratches[index];
    rc = to->driver->render(to, event, out, err);
    if (event->fields_left_out > 0) {
        metrics_fields_left_out(d->metrics, index, event->fields_left_out);
    }
    POST(rc == ERR_OK || out->len == from);
    return rc;
}

enum reason item_failure(enum err_code rc)
{
    return rc == ERR_LIMIT ? REASON_TOO_LARGE : REASON_CONTRACT;
}
