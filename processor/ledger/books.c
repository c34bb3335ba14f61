#include "ledger/books.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { STRETCHES_ALL = 16384, STRETCHES_MAX = 256, STRETCHES_MIN = 8 };
enum { JOB_OBJECT_BYTES_MAX = 4096 };

/* A book, by numbers of names; compared as bytes, without padding. */
struct place_key {
    uint32_t group, topic;
    int32_t partition;
};

struct books *books_new(const struct books_window *window)
{
    struct books *books = mem_new(struct books);

    books->window = window == NULL ? (struct books_window){INT64_MIN, INT64_MAX} : *window;
    books_words_init(&books->words);
    books_table_init(&books->by_place, BOOKS_MAX);
    books_table_init(&books->by_outage, BOOKS_OUTAGES_MAX);
    books_table_init(&books->by_job, BOOKS_JOBS_MAX);
    books_table_init(&books->by_instance, BOOKS_JOBS_MAX);
    books->first_ms = -1;
    books->last_ms = -1;
    return books;
}

void books_free(struct books *books)
{
    if (books == NULL) {
        return;
    }
    for (size_t i = 0; i < books->count; i++) {
        book_fini(books->items[i]);
        free(books->items[i]);
    }
    for (size_t i = 0; i < books->job_count; i++) {
        json_decref(books->jobs[i].selection);
        json_decref(books->jobs[i].counts);
    }
    free((void *)books->items);
    free(books->outages);
    free(books->jobs);
    free(books->instances);
    books_table_fini(&books->by_place);
    books_table_fini(&books->by_outage);
    books_table_fini(&books->by_job);
    books_table_fini(&books->by_instance);
    books_words_fini(&books->words);
    free(books);
}

struct span books_name(const struct books *books, uint32_t number)
{
    return books_table_get(&books->words.names, number);
}

/* @text as long as the books live; what is absent stays so. */
static struct span keep(struct books *books, struct span text)
{
    return books_name(books, books_table_add(&books->words.names, text));
}

/* The index of @key in a list of @count; *is_new: it is to be added at the end. SIZE_MAX: the list
 * is full. */
static size_t index_of(struct books_table *table, struct span key, size_t count, bool *is_new)
{
    uint32_t number = books_table_add(table, key);

    *is_new = number != BOOKS_TABLE_OTHER && number - BOOKS_TABLE_FIRST == count;
    return number == BOOKS_TABLE_OTHER ? SIZE_MAX : number - BOOKS_TABLE_FIRST;
}

/* tallies */

static struct book *find_book(struct books *books, const struct ledger_record *record)
{
    struct place_key key = {books_table_add(&books->words.names, record->group),
                            books_table_add(&books->words.names, record->tally.topic),
                            record->tally.partition};
    bool is_new;
    size_t index = index_of(&books->by_place, (struct span){(const char *)&key, sizeof(key)},
                            books->count, &is_new);
    struct book *book;

    if (index == SIZE_MAX || !is_new) {
        return index == SIZE_MAX ? NULL : books->items[index];
    }
    book = mem_new(struct book);
    *book = (struct book){.group = key.group,
                          .topic = key.topic,
                          .partition = key.partition,
                          .ledger_partition = -1,
                          .head = -1,
                          .committed = -1,
                          .ahead_end = -1};
    books->items = mem_grow((void *)books->items, books->count + 1, sizeof(books->items[0]));
    books->items[books->count++] = book;
    return book;
}

static void take_tally(struct books *books, const struct ledger_record *record, int32_t partition)
{
    struct book *book = find_book(books, record);
    bool is_outside =
        record->at_ms < books->window.since_ms || record->at_ms >= books->window.until_ms;
    size_t stretches = STRETCHES_ALL / MAX_OF(books->count, (size_t)1);

    if (book == NULL) {
        books->left_out++;
        return;
    }
    if (book->ledger_partition < 0) {
        book->ledger_partition = partition;
    }
    book->is_scattered = book->is_scattered || book->ledger_partition != partition;
    book_take(book, &books->words, record, is_outside);
    books_cover_shrink(&book->cover,
                       MIN_OF(MAX_OF(stretches, (size_t)STRETCHES_MIN), (size_t)STRETCHES_MAX));
}

/* outages and jobs */

static void take_outage(struct books *books, const struct ledger_record *record)
{
    const struct record_outage *told = &record->outage;
    bool is_new;
    size_t index = index_of(&books->by_outage, told->id, books->outage_count, &is_new);
    struct books_outage *outage;

    if (index == SIZE_MAX) {
        books->left_out++;
        return;
    }
    if (is_new) {
        books->outages =
            mem_grow(books->outages, books->outage_count + 1, sizeof(books->outages[0]));
        books->outages[books->outage_count++] = (struct books_outage){
            .id = keep(books, told->id), .group = keep(books, record->group), .ended_ms = -1};
    }
    outage = &books->outages[index];
    outage->instance = keep(books, record->instance);
    outage->destination = keep(books, told->destination);
    outage->event = keep(books, told->event);
    outage->scope = keep(books, told->scope);
    outage->cause = keep(books, told->cause);
    outage->started_ms = told->started_ms;
    outage->detected_ms = told->detected_ms;
    outage->ended_ms = told->ended_ms >= 0          ? told->ended_ms
                       : told->state == STATE_ENDED ? record->at_ms
                                                    : -1;
    outage->last_ms = MAX_OF(outage->last_ms, record->at_ms);
    outage->diverted = told->diverted;
    outage->dead_lettered = told->dead_lettered;
    outage->last_status = told->last_status;
    outage->last_code = told->last_code;
    outage->last_text = keep(books, told->last_text);
    outage->last_request_id = keep(books, told->last_request_id);
}

/* What is absent, or too large to be one of ours, changes nothing. */
static void keep_object(json_t **kept, json_t *told)
{
    if (told != NULL && json_dumpb(told, NULL, 0, 0) <= JOB_OBJECT_BYTES_MAX) {
        json_decref(*kept);
        *kept = json_incref(told);
    }
}

static void take_job(struct books *books, const struct ledger_record *record)
{
    const struct record_job *told = &record->job;
    char *key = mem_format(SPAN_FMT "/" SPAN_FMT, SPAN_ARG(record->group), SPAN_ARG(told->name));
    bool is_new;
    size_t index = index_of(&books->by_job, span_of(key), books->job_count, &is_new);
    struct books_job *job;

    free(key);
    if (index == SIZE_MAX) {
        books->left_out++;
        return;
    }
    if (is_new) {
        books->jobs = mem_grow(books->jobs, books->job_count + 1, sizeof(books->jobs[0]));
        books->jobs[books->job_count++] = (struct books_job){.job = keep(books, told->job),
                                                             .name = keep(books, told->name),
                                                             .group = keep(books, record->group),
                                                             .started_ms = record->at_ms};
    }
    job = &books->jobs[index];
    job->by = keep(books, told->by);
    job->instance = keep(books, record->instance);
    job->topic = keep(books, told->topic);
    job->state = told->state;
    job->last_ms = record->at_ms;
    keep_object(&job->selection, told->selection);
    keep_object(&job->counts, told->counts);
}

/* The index of an instance; SIZE_MAX: there are too many. */
static size_t instance_index(struct books *books, struct span group, struct span instance,
                             bool *is_new)
{
    char *key = mem_format(SPAN_FMT "/" SPAN_FMT, SPAN_ARG(group), SPAN_ARG(instance));
    size_t index = index_of(&books->by_instance, span_of(key), books->instance_count, is_new);

    free(key);
    return index;
}

static void take_instance(struct books *books, const struct ledger_record *record)
{
    bool is_new;
    size_t index = instance_index(books, record->group, record->instance, &is_new);
    struct books_instance *at;

    if (index == SIZE_MAX) {
        return;
    }
    if (is_new) {
        books->instances =
            mem_grow(books->instances, books->instance_count + 1, sizeof(books->instances[0]));
        books->instances[books->instance_count++] = (struct books_instance){-1, -1};
    }
    at = &books->instances[index];
    at->last_ms = MAX_OF(at->last_ms, record->at_ms);
    if (record->kind == RECORD_TALLY && record->tally.has_start) {
        at->start_ms = MAX_OF(at->start_ms, record->at_ms);
    }
}

const struct books_instance *books_instance(struct books *books, struct span group,
                                            struct span instance)
{
    bool is_new;
    size_t index = instance_index(books, group, instance, &is_new);

    PRE(!is_new); /* whoever asks has it from a record */
    return index == SIZE_MAX ? NULL : &books->instances[index];
}

static void take_record(struct books *books, const struct ledger_record *record, int32_t partition)
{
    if (books->first_ms < 0 || record->at_ms < books->first_ms) {
        books->first_ms = record->at_ms;
    }
    books->last_ms = MAX_OF(books->last_ms, record->at_ms);
    take_instance(books, record);
    switch (record->kind) {
    case RECORD_TALLY:
        take_tally(books, record, partition);
        break;
    case RECORD_OUTAGE:
        take_outage(books, record);
        break;
    case RECORD_JOB:
        take_job(books, record);
        break;
    case RECORD_OTHER:
        break;
    }
}

void books_take(struct books *books, struct span bytes, int32_t partition, int64_t offset)
{
    struct ledger_record record;
    const char *member;
    enum record_fault fault = record_read(bytes, &record, &member);

    books->records++;
    if (fault == RECORD_FINE) {
        take_record(books, &record, partition);
    } else if (books->faults[fault].count++ == 0) {
        books->faults[fault].partition = partition;
        books->faults[fault].offset = offset;
        books->faults[fault].member = member;
    }
    record_fini(&record);
}

void books_sum(const struct books *books, struct span group, struct books_counts *sum,
               uint64_t *untold)
{
    for (size_t i = 0; i < books->count; i++) {
        if (span_eq(books_name(books, books->items[i]->group), group)) {
            book_sum(books->items[i], sum, untold);
        }
    }
}
