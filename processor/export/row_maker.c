#include "export/row_maker.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/mem.h"
#include "export/json_line.h"
#include "recovery/whole.h"

enum {
    MEMORY_BYTES_MAX = 16 * 1024 * 1024,
    ITEM_BYTES_MAX = 16 * 1024 * 1024,
    ROW_BYTES_MAX = 32 * 1024 * 1024,
    KEY_BYTES_MAX = 1024 * 1024,
    DEDUPLICATION_MS = 48 * 3600 * 1000,
};

struct row_maker {
    const struct dlq *dlq; /* borrowed */
    struct row_options options;
    struct arena arena; /* for one event */
    void *scratch;      /* owned; the driver's */
    struct buf item, row, key;
    struct seen_ids *seen; /* owned */
};

/* One event on its way. */
struct making {
    const struct dlq_letter *letter;
    bool is_backfilled;
    struct read_event event;
    struct span id;
    struct made_row *out;
};

static const struct {
    const char *word, *text;
} words[LEFT_COUNT] = {
    [LEFT_NOTHING] = {"nothing", "exported"},
    [LEFT_UNDECODED] = {"decode_failed", "could not be decoded"},
    [LEFT_IN_PARTS] = {"incomplete_parts", "in parts that are not all there"},
    [LEFT_NOT_MAPPED] = {"not_mapped", "cannot be mapped to what the destination takes"},
    [LEFT_NO_ID] = {"no_event_id", "have no event id, and nothing says where they came from"},
    [LEFT_NOT_IN_FORM] = {"not_in_form", "of an event type that the form does not have"},
    [LEFT_NO_IDENTIFIER] = {"no_identifier", "have no identifier that the form asks for"},
    [LEFT_TOO_OLD] = {"too_old", "older than --max-age"},
    [LEFT_TOO_LARGE] = {"too_large", "larger than a file may be"},
    [LEFT_AMBIGUOUS] = {"ambiguous", "may be there already, past 48 hours of deduplication "
                                     "(--allow-duplicates)"},
    [LEFT_DUPLICATE] = {"duplicate", "another copy of an event that is exported"},
    [LEFT_EXPORTED] = {"already_exported", "exported before (--again)"},
    [LEFT_BACKFILLED] = {"backfilled",
                         "settled by the backfill (--expired: what it found too old)"},
    [LEFT_SKIPPED] = {"skipped", "stay as they are, by detour dlq skip"},
};

const char *left_out_word(enum left_out left)
{
    PRE(left < LEFT_COUNT);
    return words[left].word;
}

const char *left_out_text(enum left_out left)
{
    PRE(left < LEFT_COUNT);
    return words[left].text;
}

struct row_maker *row_maker_new(const struct dlq *dlq, const struct row_options *options)
{
    struct row_maker *maker = mem_new(struct row_maker);

    maker->dlq = dlq;
    maker->options = *options;
    arena_init(&maker->arena, MEMORY_BYTES_MAX);
    buf_init(&maker->item, ITEM_BYTES_MAX);
    buf_init(&maker->row, ROW_BYTES_MAX);
    buf_init(&maker->key, KEY_BYTES_MAX);
    maker->seen = seen_ids_new(0);
    if (options->to->driver->scratch_new != NULL) {
        maker->scratch = options->to->driver->scratch_new();
    }
    return maker;
}

void row_maker_free(struct row_maker *maker)
{
    if (maker == NULL) {
        return;
    }
    if (maker->options.to->driver->scratch_free != NULL) {
        maker->options.to->driver->scratch_free(maker->scratch);
    }
    seen_ids_free(maker->seen);
    buf_fini(&maker->key);
    buf_fini(&maker->row);
    buf_fini(&maker->item);
    arena_fini(&maker->arena);
    free(maker);
}

/* what is known without the event */

/* The destination may have an event whose last answer nobody got. */
static bool is_ambiguous(const struct row_maker *maker, const struct dead_letter *letter)
{
    return !maker->options.may_duplicate && letter->dialect == DIALECT_DETOUR &&
           letter->outcome == OUTCOME_AMBIGUOUS && letter->at_ms >= 0 &&
           maker->dlq->now_ms - letter->at_ms > DEDUPLICATION_MS;
}

/* the event */

/* The event's own, or the one that every attempt carried: that of the header, or that which is made
 * of where the event stood. A header is cut at 512 bytes, so it is the last to be asked. */
static struct span find_id(struct row_maker *maker, const struct dead_letter *letter,
                           const struct facts *facts)
{
    struct buf *key = &maker->key;

    if (span_trim(facts->id).len > 0) {
        return facts->id;
    }
    if (letter->event_id.ptr != NULL) {
        return letter->event_id;
    }
    if (!dead_letter_has_source(letter)) {
        return SPAN_NONE;
    }
    buf_clear(key);
    buf_printf(key, SPAN_FMT "-%d-%lld", SPAN_ARG(letter->source_topic), letter->source_partition,
               (long long)letter->source_offset);
    return arena_copy(&maker->arena, buf_span(key));
}

static enum left_out left_by(enum err_code rc)
{
    return rc == ERR_OK ? LEFT_NOTHING : rc == ERR_LIMIT ? LEFT_TOO_LARGE : LEFT_NOT_MAPPED;
}

/* What the destination would have got. */
static enum left_out render(struct row_maker *maker, struct making *making)
{
    const struct destination *to = maker->options.to;
    struct rendering rendering = {.view = &making->event.decoded.view,
                                  .event_id = making->id,
                                  .first = to->config->name,
                                  .reason = SPAN(""),
                                  .outage = SPAN_NONE,
                                  .arena = &maker->arena,
                                  .scratch = maker->scratch};
    struct err err;

    buf_clear(&maker->item);
    return left_by(to->driver->render(to, &rendering, &maker->item, &err));
}

/* The same id of another event type is another event, for the service too. */
static bool is_new(struct row_maker *maker, const struct making *making)
{
    struct buf *key = &maker->key;

    buf_clear(key);
    buf_add_span(key, making->event.decoded.view.facts.type);
    buf_add_char(key, '\0');
    buf_add_span(key, making->id);
    return seen_ids_add(maker->seen, buf_span(key));
}

static enum left_out write_cells(struct row_maker *maker, struct making *making)
{
    struct csv_row row = {.out = &maker->row};
    struct upload_row upload = {.row = &row, .is_masked = maker->options.is_masked};
    json_t *item = json_loadb(maker->item.ptr, maker->item.len, JSON_ALLOW_NUL, NULL);
    enum upload_answer answer = UPLOAD_NO_NAME;

    if (item != NULL) {
        answer = upload_form_write(maker->options.form, item, &upload);
    }
    making->out->was_changed = row.changed > 0;
    making->out->has_products = upload.has_products;
    json_decref(item);
    return item == NULL                     ? LEFT_NOT_MAPPED
           : answer == UPLOAD_NO_NAME       ? LEFT_NOT_IN_FORM
           : answer == UPLOAD_NO_IDENTIFIER ? LEFT_NO_IDENTIFIER
                                            : LEFT_NOTHING;
}

static enum left_out write_row(struct row_maker *maker, struct making *making)
{
    const struct json_line line = {.letter = making->letter,
                                   .facts = &making->event.decoded.view.facts,
                                   .id = making->id,
                                   .destination = maker->options.to->config->name,
                                   .item = buf_span(&maker->item)};
    enum left_out left = LEFT_NOTHING;

    buf_clear(&maker->row);
    if (maker->options.form != NULL) {
        left = write_cells(maker, making);
    } else {
        json_line_write(&line, maker->options.is_masked, &maker->row);
    }
    return left == LEFT_NOTHING && maker->row.is_overflowed ? LEFT_TOO_LARGE : left;
}

static bool is_too_old(const struct row_maker *maker, const struct facts *facts)
{
    return maker->options.age_ms_max > 0 &&
           maker->dlq->now_ms - facts->time_ms > (int64_t)maker->options.age_ms_max;
}

/* The backfill passed it over, or delivered it shortly before it was too old. */
static bool is_expired(const struct row_maker *maker, const struct facts *facts)
{
    return maker->dlq->now_ms - facts->time_ms > (int64_t)maker->options.expired_ms;
}

static enum left_out make_of_event(struct row_maker *maker, struct making *making)
{
    const struct facts *facts = &making->event.decoded.view.facts;
    enum left_out left;

    if (!making->event.has_facts) {
        return LEFT_NOT_MAPPED;
    }
    if (making->is_backfilled && !is_expired(maker, facts)) {
        return LEFT_BACKFILLED;
    }
    if (is_too_old(maker, facts)) {
        return LEFT_TOO_OLD;
    }
    making->id = find_id(maker, &making->letter->record.letter, facts);
    if (making->id.ptr == NULL) {
        return LEFT_NO_ID;
    }
    left = render(maker, making);
    left = left == LEFT_NOTHING ? write_row(maker, making) : left;
    if (left == LEFT_NOTHING && !is_new(maker, making)) {
        left = LEFT_DUPLICATE;
    }
    making->out->has_value = facts->has_value;
    making->out->value = facts->value;
    making->out->currency = arena_copy(&maker->arena, facts->currency);
    return left;
}

/* An error is one of the registry; of the event it is a reason. */
static enum err_code read_and_make(struct row_maker *maker, struct making *making,
                                   struct span value, struct err *err)
{
    enum err_code rc = event_reader_read(maker->dlq->reader, &making->letter->record.view, value,
                                         &making->event, err);

    if (rc == ERR_NET || rc == ERR_CONFIG) {
        return rc;
    }
    making->out->left =
        rc == ERR_OK || making->event.has_value ? make_of_event(maker, making) : LEFT_UNDECODED;
    return ERR_OK;
}

/* The record's value is gone when this returns, so what is told of it has been copied. */
static enum err_code make_of_parts(struct row_maker *maker, struct making *making, struct err *err)
{
    struct whole whole;
    enum err_code rc = whole_of(maker->dlq->config, &making->letter->record, &whole, err);

    if (rc == ERR_DATA) {
        making->out->left = LEFT_IN_PARTS;
        return ERR_OK;
    }
    if (rc == ERR_OK) {
        rc = read_and_make(maker, making, whole.value, err);
        whole_fini(&whole);
    }
    return rc;
}

enum err_code row_maker_make(struct row_maker *maker, const struct dlq_letter *letter,
                             bool is_backfilled, struct made_row *out, struct err *err)
{
    const struct record *record = &letter->record;
    struct making making = {.letter = letter, .is_backfilled = is_backfilled, .out = out};
    enum err_code rc = ERR_OK;

    *out = (struct made_row){.left = LEFT_NOTHING};
    arena_reset(&maker->arena);
    if (is_backfilled && maker->options.expired_ms == 0) {
        out->left = LEFT_BACKFILLED;
    } else if (is_ambiguous(maker, &record->letter)) {
        out->left = LEFT_AMBIGUOUS;
    } else if (record->letter.part_count > 0) {
        rc = make_of_parts(maker, &making, err);
    } else {
        rc = read_and_make(maker, &making, record->view.value, err);
    }
    out->bytes = buf_span(&maker->row);
    return rc;
}
