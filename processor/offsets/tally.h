/**
 * tally - what became of the events of one partition, stretch by stretch, for the ledger.
 *
 * Beside each offset in its window the tracker keeps what became of the event there: a fate, which
 * is a number that the worker gives to "these legs ended so" (ledger/fates.h), and the event's
 * value. As the watermark passes an event it is counted here. A commit takes the counts as they
 * stand (tally_seal), and has them written before it goes itself (docs/ledger.md).
 *
 * Pure: no Kafka, no clock. A tally belongs to one tracker, and so to one worker and its thread.
 *
 *    passed   counted since the last seal
 *    sealed   written, or being written: everything from `from` on up to the seal's offset.
 *             tally_committed() forgets it; until then the next seal is about it as well
 *    ahead    of the seal: runs beyond the offset that the commit's metadata names, each with its
 *             own counts
 */
#ifndef OFFSETS_TALLY_H
#define OFFSETS_TALLY_H

#include "offsets/metadata.h"

/** No event: a marker, a gap, or one that was settled before the session began. */
enum { NO_FATE = 0 };

/* What became of one event. */
struct settled {
    uint32_t fate;
    int64_t micros; /* its value, in millionths; with NO_FATE: how many offsets are missing up to
                       here */
};

__extension__ typedef __int128 tally_sum;

struct tally_row {
    uint32_t fate;
    uint64_t count;
    tally_sum micros;
};

/* Counts by fate, in the order in which the fates were first seen. All zero: empty. */
struct tally_rows {
    struct tally_row *rows; /* owned */
    size_t count, cap;
    uint32_t *places; /* owned; by fate: its row + 1, 0: none */
    size_t place_count;
};

/* Offsets from..to-1, whose counts are rows[row_from..row_to-1] of the tally's `ahead_rows`. */
struct tally_run {
    struct offset_run offsets;
    size_t row_from, row_to;
};

/* Where a session began. */
struct tally_start {
    int64_t offset;
    bool is_first;           /* the group had no offset */
    bool is_new_log;         /* from here on offsets mean other records than before */
    int64_t missing;         /* records of the log before that were not read any more */
    struct offset_run *runs; /* owned; settled before */
    size_t run_count;
    bool is_told; /* a tally with it was committed */
};

struct tally {
    struct tally_start start;
    int64_t from;             /* of the next seal */
    struct tally_rows passed; /* not sealed yet */
    struct tally_rows sealed; /* from..sealed_to */
    int64_t sealed_to;
    struct offset_run *gaps; /* owned; offsets that were to be read and are gone */
    size_t gap_count, gaps_sealed;
    struct tally_run *ahead; /* owned */
    size_t ahead_count, ahead_cap;
    struct tally_rows ahead_run;  /* scratch: of one run */
    struct tally_row *ahead_rows; /* owned */
    size_t ahead_row_count, ahead_row_cap;
};

void tally_fini(struct tally *tally);
/** A session begins. Takes @start->runs. */
void tally_begin(struct tally *tally, const struct tally_start *start);
/** The watermark passed @offset. */
void tally_pass(struct tally *tally, int64_t offset, const struct settled *settled);
/** Everything below @offset has passed; it is to be committed. */
void tally_seal(struct tally *tally, int64_t offset);
/** Part of the seal: an event beyond it that is settled, in the order of offsets. A run ends where
 * an offset is left out. */
void tally_ahead(struct tally *tally, int64_t offset, const struct settled *settled);
/** There are no more. */
void tally_ahead_end(struct tally *tally);
/** The commit of the last seal was acknowledged. */
void tally_committed(struct tally *tally);
/** Set @used of each fate that is counted here. */
void tally_mark(const struct tally *tally, bool *used, size_t count);

#endif /* OFFSETS_TALLY_H */
