#include "deliver/view.h"

enum err_code view_decode(const struct pipeline *pipeline, const struct writer *writer,
                          struct span payload, int64_t wall_ms, struct arena *arena,
                          struct decoded *out, enum reason *reason, struct err *err)
{
    enum err_code rc = decoder_run(writer->decoder, payload, arena, &out->root, err);

    if (rc != ERR_OK) {
        *reason = REASON_DECODE_FAILED;
        return rc;
    }
    out->view = (struct event_view){
        .message = &out->message, .reader = writer->reader, .root = &out->root, .now_ms = wall_ms};
    rc = event_facts(&pipeline->paths, pipeline->readers, &out->view, arena, err);
    if (rc != ERR_OK) {
        *reason = REASON_CONTRACT;
    }
    return rc;
}
