#include "offsets/trail.h"

#include <string.h>

enum { SAMPLES_MAX = 32 }; /* words of a key or a value that are looked at */

static uint64_t mix(uint64_t state, uint64_t word)
{
    state = (state ^ word) * 0x9e3779b97f4a7c15u;
    return state ^ state >> 29;
}

static uint64_t word_at(struct span bytes, size_t at)
{
    uint64_t word;

    memcpy(&word, bytes.ptr + at, sizeof(word));
    return word;
}

/* All of it up to 256 bytes; of more the first and the last words and some between. */
static uint64_t mix_bytes(uint64_t state, struct span bytes)
{
    size_t step = sizeof(uint64_t);
    uint64_t rest = 0;

    state = mix(state, bytes.len);
    if (bytes.len < sizeof(uint64_t)) {
        if (bytes.len > 0) {
            memcpy(&rest, bytes.ptr, bytes.len);
        }
        return mix(state, rest);
    }
    if (bytes.len > SAMPLES_MAX * sizeof(uint64_t)) {
        step = (bytes.len - sizeof(uint64_t)) / (SAMPLES_MAX - 1);
    }
    for (size_t at = 0; at + sizeof(uint64_t) < bytes.len; at += step) {
        state = mix(state, word_at(bytes, at));
    }
    return mix(state, word_at(bytes, bytes.len - sizeof(uint64_t)));
}

uint32_t mark_hash(int64_t timestamp_ms, struct span key, struct span value)
{
    uint64_t state = mix_bytes(mix_bytes(mix(1, (uint64_t)timestamp_ms), key), value);
    uint32_t hash = (uint32_t)(state ^ state >> 32);

    return hash == 0 ? 1 : hash;
}

void trail_add(struct trail *trail, struct mark mark)
{
    int64_t before = trail->recent[0].offset;
    bool is_first = trail->recent[0].hash == 0;

    if (mark.hash == 0) {
        return;
    }
    PRE(is_first || mark.offset > before);
    for (size_t level = 0; level < TRAIL_LEVELS; level++) {
        unsigned shift = TRAIL_SHIFT * (unsigned)level;

        if (!is_first && mark.offset >> shift == before >> shift) {
            break;
        }
        trail->older[level] = trail->recent[level];
        trail->recent[level] = mark;
    }
}

/* The one with the largest offset below @below. */
static struct mark next_mark(const struct trail *trail, int64_t below)
{
    struct mark best = {0};

    for (size_t level = 0; level < TRAIL_LEVELS; level++) {
        const struct mark two[] = {trail->recent[level], trail->older[level]};

        for (size_t i = 0; i < COUNT_OF(two); i++) {
            if (two[i].hash != 0 && two[i].offset < below &&
                (best.hash == 0 || two[i].offset > best.offset)) {
                best = two[i];
            }
        }
    }
    return best;
}

size_t trail_list(const struct trail *trail, struct mark out[TRAIL_MARKS_MAX])
{
    size_t count = 0;
    int64_t below = INT64_MAX;

    for (struct mark mark = next_mark(trail, below); mark.hash != 0;
         mark = next_mark(trail, below)) {
        INVARIANT(count < TRAIL_MARKS_MAX);
        out[count++] = mark;
        below = mark.offset;
    }
    return count;
}

void trail_cut(struct trail *trail, int64_t from)
{
    struct mark marks[TRAIL_MARKS_MAX];
    size_t count = trail_list(trail, marks);

    if (count == 0 || marks[0].offset < from) {
        return;
    }
    memset(trail, 0, sizeof(*trail));
    while (count > 0 && marks[count - 1].offset < from) {
        trail_add(trail, marks[--count]);
    }
}
