/**
 * row_maker - one record of a dead-letter or alternate topic as a row of an export: of a table that
 * the platform takes (upload_form.h), or a JSON line.
 *
 * The event is decoded as the processor would decode it, mapped by the destination's own map, and
 * its identifiers are normalised and hashed there; what is hashed already stays. A JSON line has
 * where the record stands and why, and the item that the destination would have got.
 *
 * What cannot become a row, or should not, is left out with a reason, never guessed. Memory: one
 * event, at most 64 MiB, and the ids that came (seen_ids.h).
 *
 * It borrows the session and the pipeline. One thread. Errors: only a schema registry that does not
 * answer or refuses the credential.
 */
#ifndef EXPORT_ROW_MAKER_H
#define EXPORT_ROW_MAKER_H

#include "export/seen_ids.h"
#include "export/upload_form.h"
#include "recovery/dlq_session.h"

enum left_out {
    LEFT_NOTHING,
    LEFT_UNDECODED,     /* its value cannot be decoded */
    LEFT_IN_PARTS,      /* not all its parts are there */
    LEFT_NOT_MAPPED,    /* the destination's map makes no item of it */
    LEFT_NO_ID,         /* nothing says its event id, nor where it came from */
    LEFT_NOT_IN_FORM,   /* the form has no such event */
    LEFT_NO_IDENTIFIER, /* nothing says whose event it is */
    LEFT_TOO_OLD,       /* the service does not take it any more */
    LEFT_TOO_LARGE,     /* its row is larger than a file may be */
    LEFT_AMBIGUOUS,     /* the service may have it already, and does not notice any more */
    LEFT_DUPLICATE,     /* its event id came before */
    LEFT_EXPORTED,      /* it was exported before */
    LEFT_BACKFILLED,    /* the destination's backfill has settled it */
    LEFT_SKIPPED,       /* an operator decided that it stays */
    LEFT_COUNT,
};

/** "too_old"; keys of the summary. */
const char *left_out_word(enum left_out left);
/** Words for people. */
const char *left_out_text(enum left_out left);

struct row_options {
    const struct destination *to;
    const struct upload_form *form; /* NULL: JSON lines */
    uint64_t age_ms_max;            /* 0: none */
    uint64_t expired_ms; /* of what a backfill has settled, events that are older; 0: none */
    bool is_masked;
    bool may_duplicate;
};

/* Valid until the next one. */
struct made_row {
    struct span bytes; /* whole, with its end */
    enum left_out left;
    bool was_changed;  /* a cell is not what the event says (csv.h) */
    bool has_products; /* several products had no column */
    bool is_again;     /* it was exported before; set by the caller */
    bool has_value;
    double value;
    struct span currency; /* absent: not told */
};

struct row_maker;

NODISCARD struct row_maker *row_maker_new(const struct dlq *dlq, const struct row_options *options);
void row_maker_free(struct row_maker *maker); /* may be NULL */
/** @is_backfilled: a backfill has settled it. */
NODISCARD enum err_code row_maker_make(struct row_maker *maker, const struct dlq_letter *letter,
                                       bool is_backfilled, struct made_row *out, struct err *err);

#endif /* EXPORT_ROW_MAKER_H */
