#include "recovery/backfill_waiting.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "recovery/group_offsets.h"

static uint64_t settled_ahead(const struct group_offset *at)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < at->metadata.run_count; i++) {
        sum += (uint64_t)(at->metadata.runs[i].to - at->metadata.runs[i].from);
    }
    return sum;
}

static enum err_code add_partition(struct group_client *client, struct span topic,
                                   const struct group_offset *at, uint64_t *sum, struct err *err)
{
    int64_t first = 0;
    int64_t end = 0;
    enum err_code rc = group_client_bounds(client, topic, at->partition, &first, &end, err);
    uint64_t unread = (uint64_t)MAX_OF(end - MAX_OF(first, at->offset), (int64_t)0);

    *sum += unread - MIN_OF(settled_ahead(at), unread);
    return rc;
}

static enum err_code add_all(struct group_client *client, struct span topic, size_t partitions,
                             uint64_t *sum, struct err *err)
{
    struct group_offset *offsets = mem_array(partitions, struct group_offset);
    enum err_code rc;

    for (size_t i = 0; i < partitions; i++) {
        offsets[i] = (struct group_offset){.partition = (int32_t)i, .offset = -1};
    }
    rc = group_offsets_ask(client, topic, offsets, partitions, err);
    for (size_t i = 0; i < partitions && rc == ERR_OK; i++) {
        rc = add_partition(client, topic, &offsets[i], sum, err);
    }
    group_offsets_fini(offsets, partitions);
    free(offsets);
    return rc;
}

static enum err_code open_client(struct backfill_waiting *waiting, const struct config *config,
                                 const struct config_destination *destination, struct err *err)
{
    char *group = mem_format(SPAN_FMT ".backfill." SPAN_FMT, SPAN_ARG(config->kafka.group),
                             SPAN_ARG(destination->name));
    enum err_code rc = group_client_open(config, span_of(group), &waiting->client, err);

    free(group);
    return rc;
}

enum err_code backfill_waiting_ask(struct backfill_waiting *waiting, const struct config *config,
                                   const struct config_destination *destination, struct err *err)
{
    struct span topic = config_find(config, destination->backfill.from)->topic;
    uint64_t before_ms = waiting->asked_ms;
    uint64_t before = waiting->count;
    uint64_t sum = 0;
    size_t partitions = 0;
    enum err_code rc =
        waiting->client == NULL ? open_client(waiting, config, destination, err) : ERR_OK;

    if (rc == ERR_OK) {
        rc = group_client_partitions(waiting->client, topic, &partitions, err);
    }
    if (rc == ERR_OK && partitions > 0) {
        rc = add_all(waiting->client, topic, partitions, &sum, err);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    waiting->partitions = partitions;
    waiting->count = sum;
    waiting->asked_ms = clock_mono_ms();
    waiting->per_second = 0;
    if (before_ms > 0 && before > sum && waiting->asked_ms > before_ms) {
        waiting->per_second =
            (double)(before - sum) * 1000 / (double)(waiting->asked_ms - before_ms);
    }
    return ERR_OK;
}

void backfill_waiting_fini(struct backfill_waiting *waiting)
{
    group_client_close(waiting->client);
    waiting->client = NULL;
}

int64_t backfill_waiting_left_ms(const struct backfill_waiting *waiting)
{
    if (waiting->asked_ms == 0 || (waiting->count > 0 && waiting->per_second <= 0)) {
        return -1;
    }
    return waiting->count == 0 ? 0 : (int64_t)((double)waiting->count * 1000 / waiting->per_second);
}
