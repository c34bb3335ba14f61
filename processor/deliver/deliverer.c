#include "deliver/deliverer.h"

#include <stdlib.h>

#include "base/mem.h"

enum {
    SCRATCH_BYTES_MAX = 64 * 1024 * 1024,
    RENDER_BYTES_MAX = 64 * 1024 * 1024,
    RECORD_BYTES_MAX = 64 * 1024 * 1024,
    SHARED_CELL_MS = 100,
};

void deliverer_read_clocks(struct deliverer *d)
{
    /* A monotonic clock of a virtual machine may step back all the same: time stands still then. */
    d->now_ms = MAX_OF(d->now_ms, d->io->mono_ms(d->io->context));
    d->wall_ms = d->io->wall_ms(d->io->context);
}

void deliverer_init(struct deliverer *d, const struct deliverer_parts *parts)
{
    *d = (struct deliverer){.pipeline = parts->pipeline,
                            .health = parts->health,
                            .metrics = parts->metrics,
                            .worker = parts->worker,
                            .io = parts->io,
                            .fates = parts->fates,
                            .background = parts->background,
                            .rate_left = 1,
                            .rng = {.state = parts->seed}};
    deliverer_read_clocks(d);
    event_pool_init(&d->events, d->io->release);
    arena_init(&d->scratch, SCRATCH_BYTES_MAX);
    buf_init(&d->render, RENDER_BYTES_MAX);
    buf_init(&d->record, RECORD_BYTES_MAX);
    d->scratches = mem_array(d->pipeline->config->destination_count, void *);
    for (size_t i = 0; i < d->pipeline->config->destination_count; i++) {
        const struct driver *driver = d->pipeline->destinations[i].driver;

        d->scratches[i] = driver->scratch_new == NULL ? NULL : driver->scratch_new();
    }
}

void deliverer_fini(struct deliverer *d)
{
    event_pool_fini(&d->events);
    for (size_t i = 0; i < d->pipeline->config->destination_count; i++) {
        if (d->scratches[i] != NULL) {
            d->pipeline->destinations[i].driver->scratch_free(d->scratches[i]);
        }
    }
    free(d->scratches);
    free(d->fate_legs);
    arena_fini(&d->scratch);
    buf_fini(&d->render);
    buf_fini(&d->record);
    *d = (struct deliverer){0};
}

size_t deliverer_cell(struct deliverer *d, size_t index, struct span event_type)
{
    uint64_t key = (span_hash(event_type) + index * 0x9e3779b97f4a7c15u) | 1;
    size_t slot = (size_t)(key >> 32) % DELIVER_CELLS;
    uint32_t version = health_cells_version(d->health, index);

    PRE(index < d->pipeline->config->destination_count);
    if (d->cells[slot].key != key || d->cells[slot].version != version ||
        d->now_ms >= d->cells[slot].until_ms) {
        d->cells[slot].key = key;
        d->cells[slot].version = version;
        d->cells[slot].cell = health_cell(d->health, index, event_type, d->now_ms);
        d->cells[slot].until_ms =
            health_cell_is_shared(d->cells[slot].cell) ? d->now_ms + SHARED_CELL_MS : UINT64_MAX;
    }
    return d->cells[slot].cell;
}
