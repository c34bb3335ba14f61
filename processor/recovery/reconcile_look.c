/* Asks Kafka: the ledger, the group's offsets, and what the topics hold. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/topic_scan.h"
#include "recovery/reconcile.h"

#define DAY_MS (24 * 3600 * 1000ll)

bool reconcile_is_main(const struct reconcile *reconcile, struct span group)
{
    return span_eq(group, reconcile->config->kafka.group);
}

bool reconcile_is_ours(const struct reconcile *reconcile, struct span group)
{
    struct span own = reconcile->config->kafka.group;

    return reconcile_is_main(reconcile, group) ||
           (span_starts(group, own) && group.len > own.len && group.ptr[own.len] == '.');
}

static struct reconcile_topic *find_topic(struct reconcile *reconcile, struct span group,
                                          struct span topic)
{
    for (size_t i = 0; i < reconcile->topic_count; i++) {
        struct reconcile_topic *at = &reconcile->topics[i];

        if (span_eq(at->group, group) && span_eq(at->topic, topic)) {
            return at;
        }
    }
    reconcile->topics =
        mem_grow(reconcile->topics, reconcile->topic_count + 1, sizeof(reconcile->topics[0]));
    reconcile->topics[reconcile->topic_count] =
        (struct reconcile_topic){.group = group, .topic = topic};
    return &reconcile->topics[reconcile->topic_count++];
}

/* How many partitions there are, and what they hold. */
static enum err_code ask_bounds(const struct config *config, struct reconcile_topic *topic,
                                struct err *err)
{
    /* nothing is that young: nothing will be read */
    struct scan_range range = {
        .since_ms = clock_wall_ms() + DAY_MS, .partition = -1, .from = -1, .to = -1};
    struct topic_scan *scan = NULL;
    char *name = mem_text(topic->topic);
    enum err_code rc = topic_scan_open(config, name, &range, &scan, err);
    size_t count;

    free(name);
    topic->is_gone = rc == ERR_ABSENT;
    if (rc != ERR_OK) {
        return rc == ERR_ABSENT ? ERR_OK : rc;
    }
    count = (size_t)topic_scan_partitions(scan);
    topic->count = topic->before == NULL ? count : topic->count; /* that of the first question */
    free(topic->low);
    free(topic->high);
    topic->low = mem_array(topic->count, int64_t);
    topic->high = mem_array(topic->count, int64_t);
    for (size_t i = 0; i < topic->count; i++) {
        topic->low[i] = topic->high[i] = -1;
        if (i < count) {
            (void)topic_scan_bounds(scan, (int32_t)i, &topic->low[i], &topic->high[i]);
        }
    }
    topic_scan_close(scan);
    return ERR_OK;
}

static enum err_code ask_group(const struct config *config, const struct reconcile_topic *topic,
                               struct group_offset **offsets, struct err *err)
{
    struct group_client *client = NULL;
    enum err_code rc;

    *offsets = mem_array(topic->count, struct group_offset);
    for (size_t i = 0; i < topic->count; i++) {
        (*offsets)[i] = (struct group_offset){.partition = (int32_t)i, .offset = -1};
    }
    if (topic->is_gone || topic->count == 0) {
        return ERR_OK;
    }
    rc = group_client_open(config, topic->group, &client, err);
    if (rc == ERR_OK) {
        rc = group_offsets_ask(client, topic->topic, *offsets, topic->count, err);
    }
    group_client_close(client);
    return rc;
}

/* Which topics there are to ask about: those of the configuration, and those of the books. */
static enum err_code find_topics(struct reconcile *reconcile, struct err *err)
{
    const struct config *config = reconcile->config;
    const struct books *books = reconcile->books;
    enum err_code rc = ERR_OK;

    for (size_t i = 0; i < config->kafka.topic_count; i++) {
        (void)find_topic(reconcile, config->kafka.group, config->kafka.topics[i]);
    }
    for (size_t i = 0; i < books->count; i++) {
        struct span group = books_name(books, books->items[i]->group);

        if (reconcile_is_ours(reconcile, group)) {
            (void)find_topic(reconcile, group, books_name(books, books->items[i]->topic));
        }
    }
    for (size_t i = 0; i < reconcile->topic_count && rc == ERR_OK; i++) {
        rc = ask_bounds(config, &reconcile->topics[i], err);
    }
    return rc;
}

static void place_books(struct reconcile *reconcile)
{
    const struct books *books = reconcile->books;

    for (size_t i = 0; i < reconcile->topic_count; i++) {
        reconcile->topics[i].books =
            (const struct book **)mem_zero(reconcile->topics[i].count, sizeof(struct book *));
    }
    for (size_t i = 0; i < books->count; i++) {
        const struct book *book = books->items[i];
        struct span group = books_name(books, book->group);
        struct reconcile_topic *topic;

        if (reconcile_is_ours(reconcile, group)) {
            topic = find_topic(reconcile, group, books_name(books, book->topic));
            if ((size_t)book->partition < topic->count) {
                topic->books[book->partition] = book;
            }
        }
    }
}

static void finish_books(struct reconcile *reconcile)
{
    struct books *books = reconcile->books;

    for (size_t i = 0; i < books->count; i++) {
        struct book *book = books->items[i];
        struct span group = books_name(books, book->group);
        struct book_commit commit = {-1, -1, NULL, 0};
        struct record_run *runs = NULL;

        if (reconcile_is_ours(reconcile, group)) {
            const struct reconcile_topic *topic =
                find_topic(reconcile, group, books_name(books, book->topic));

            if ((size_t)book->partition < topic->count) {
                const struct group_offset *after = &topic->after[book->partition];

                commit.before = topic->before == NULL ? -1 : topic->before[book->partition].offset;
                commit.after = after->offset;
                runs = mem_array(after->metadata.run_count, struct record_run);
                for (; commit.run_count < after->metadata.run_count; commit.run_count++) {
                    runs[commit.run_count] =
                        (struct record_run){after->metadata.runs[commit.run_count].from,
                                            after->metadata.runs[commit.run_count].to};
                }
                commit.runs = runs;
            }
        }
        book_finish(book, &commit);
        free(runs);
    }
}

static enum err_code ask_all(struct reconcile *reconcile, bool is_before, struct err *err)
{
    enum err_code rc = ERR_OK;

    for (size_t i = 0; i < reconcile->topic_count && rc == ERR_OK; i++) {
        struct reconcile_topic *topic = &reconcile->topics[i];

        rc = ask_group(reconcile->config, topic, is_before ? &topic->before : &topic->after, err);
    }
    return rc;
}

enum err_code reconcile_read(const struct config *config, const struct books_window *window,
                             struct reconcile *out, struct err *err)
{
    enum err_code rc;

    *out = (struct reconcile){.config = config, .window = *window, .provable_ms = -1};
    out->books = books_new(window);
    out->decisions = decisions_new(config->kafka.group, config->dead_letter->topic);
    out->reader.decisions = out->decisions;
    rc = ledger_read(&out->reader, config, out->books, err);
    if (rc == ERR_OK) {
        rc = find_topics(out, err);
    }
    if (rc == ERR_OK) {
        rc = ask_all(out, true, err);
    }
    if (rc == ERR_OK) {
        rc = ledger_read(&out->reader, config, out->books, err);
    }
    if (rc == ERR_OK) {
        rc = find_topics(out, err); /* what the ledger has more, and the ends as they are now */
    }
    if (rc == ERR_OK) {
        rc = ask_all(out, false, err);
    }
    if (rc == ERR_OK) {
        rc = decisions_seal(out->decisions, err);
    }
    if (rc == ERR_OK) {
        finish_books(out);
        place_books(out);
    }
    return rc;
}

enum err_code reconcile_look(const struct config *config, const struct books_window *window,
                             struct reconcile *out, struct err *err)
{
    enum err_code rc = reconcile_read(config, window, out, err);

    return rc == ERR_OK ? reconcile_account(out, err) : rc;
}

void reconcile_fini(struct reconcile *reconcile)
{
    for (size_t i = 0; i < reconcile->topic_count; i++) {
        struct reconcile_topic *topic = &reconcile->topics[i];

        if (topic->before != NULL) {
            group_offsets_fini(topic->before, topic->count);
        }
        if (topic->after != NULL) {
            group_offsets_fini(topic->after, topic->count);
        }
        free(topic->before);
        free(topic->after);
        free(topic->low);
        free(topic->high);
        free((void *)topic->books);
    }
    free(reconcile->topics);
    free(reconcile->findings);
    books_counts_fini(&reconcile->sum);
    ledger_reader_fini(&reconcile->reader);
    books_free(reconcile->books);
    decisions_free(reconcile->decisions);
    *reconcile = (struct reconcile){0};
}
