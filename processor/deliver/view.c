#include "deliver/view.h"

enum err_code view_decode(const struct pipeline *pipeline, const struct view_source *from,
                          struct decoded *out, enum reason *reason, struct err *err)
{
    enum err_code rc =
        decoder_run(from->writer->decoder, from->payload, from->arena, &out->root, err);

    if (rc != ERR_OK) {
        *reason = REASON_DECODE_FAILED;
        return rc;
    }
    out->view = (struct event_view){.message = &out->message,
                                    .reader = from->writer->reader,
                                    .root = &out->root,
                                    .now_ms = from->wall_ms};
    rc = event_facts(&pipeline->paths, pipeline->readers, &out->view, from->arena, err);
    if (rc != ERR_OK) {
        *reason = REASON_CONTRACT;
    }
    return rc;
}
