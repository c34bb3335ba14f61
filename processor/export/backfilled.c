#include "export/backfilled.h"

#include <stdlib.h>

#include "base/mem.h"

enum err_code backfilled_read(const struct config *config, struct span destination,
                              struct span topic, struct backfilled *out, struct err *err)
{
    char *group = mem_format(SPAN_FMT ".backfill." SPAN_FMT, SPAN_ARG(config->kafka.group),
                             SPAN_ARG(destination));
    struct group_client *client = NULL;
    enum err_code rc = group_client_open(config, span_of(group), &client, err);

    *out = (struct backfilled){0};
    if (rc == ERR_OK) {
        rc = group_client_partitions(client, topic, &out->count, err);
    }
    if (rc == ERR_OK && out->count > 0) {
        out->offsets = mem_array(out->count, struct group_offset);
        for (size_t i = 0; i < out->count; i++) {
            out->offsets[i] = (struct group_offset){.partition = (int32_t)i, .offset = -1};
        }
        rc = group_offsets_ask(client, topic, out->offsets, out->count, err);
    }
    group_client_close(client);
    free(group);
    return rc;
}

bool backfilled_has(const struct backfilled *backfilled, int32_t partition, int64_t offset)
{
    const struct group_offset *at;

    if (partition < 0 || (size_t)partition >= backfilled->count) {
        return false;
    }
    at = &backfilled->offsets[partition];
    if (offset < at->offset) {
        return true;
    }
    for (size_t i = 0; i < at->metadata.run_count; i++) {
        if (offset >= at->metadata.runs[i].from && offset < at->metadata.runs[i].to) {
            return true;
        }
    }
    return false;
}

void backfilled_fini(struct backfilled *backfilled)
{
    if (backfilled->offsets != NULL) {
        group_offsets_fini(backfilled->offsets, backfilled->count);
    }
    free(backfilled->offsets);
    *backfilled = (struct backfilled){0};
}
