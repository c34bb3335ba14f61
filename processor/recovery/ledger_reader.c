#include "recovery/ledger_reader.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/progress.h"
#include "kafka/topic_scan.h"

/* What this reader has of a partition already is passed over. */
static void take(struct ledger_reader *reader, struct books *books,
                 const rd_kafka_message_t *message)
{
    struct span value = {message->payload, message->len};

    if (message->partition < reader->partitions &&
        message->offset >= reader->next[message->partition]) {
        books_take(books, value, message->partition, message->offset);
        if (reader->decisions != NULL) {
            decisions_take(reader->decisions, (struct span){message->key, message->key_len}, value);
        }
        reader->next[message->partition] = message->offset + 1;
    }
}

static enum err_code read_all(struct ledger_reader *reader, struct topic_scan *scan,
                              struct books *books, struct err *err)
{
    struct progress progress;
    enum scan_step step = SCAN_WAIT;

    progress_begin(&progress, "reading the ledger", PROGRESS_COUNT, topic_scan_total(scan));
    while (step == SCAN_WAIT || step == SCAN_RECORD) {
        rd_kafka_message_t *message = NULL;

        step = topic_scan_next(scan, &message, err);
        if (step == SCAN_RECORD) {
            take(reader, books, message);
            rd_kafka_message_destroy(message);
        }
        progress_turn(&progress, topic_scan_done(scan), NULL);
    }
    progress_clear(&progress);
    return step == SCAN_FAILED ? err->code : ERR_OK;
}

static void look_at_bounds(struct ledger_reader *reader, const struct topic_scan *scan)
{
    int32_t count = topic_scan_partitions(scan);

    if (reader->next == NULL) {
        reader->next = mem_array((size_t)count, int64_t);
        reader->partitions = count;
    }
    for (int32_t i = 0; i < reader->partitions; i++) {
        int64_t first = 0;
        int64_t end = 0;

        if (topic_scan_bounds(scan, i, &first, &end) && first > reader->next[i]) {
            reader->is_truncated = true;
            reader->truncated += (uint64_t)(first - reader->next[i]);
            reader->next[i] = first;
        }
    }
}

static enum err_code read_range(struct ledger_reader *reader, const struct config *config,
                                const struct scan_range *range, struct books *books,
                                struct err *err)
{
    struct topic_scan *scan = NULL;
    char *topic = mem_text(config->ledger.topic);
    enum err_code rc = topic_scan_open(config, topic, range, &scan, err);

    if (rc == ERR_OK) {
        look_at_bounds(reader, scan);
        rc = read_all(reader, scan, books, err);
    }
    topic_scan_close(scan);
    free(topic);
    return rc;
}

enum err_code ledger_read(struct ledger_reader *reader, const struct config *config,
                          struct books *books, struct err *err)
{
    enum err_code rc = ERR_OK;

    if (reader->next == NULL) {
        return read_range(reader, config, &SCAN_ALL, books, err);
    }
    for (int32_t i = 0; i < reader->partitions && rc == ERR_OK; i++) {
        struct scan_range range = {
            .since_ms = -1, .partition = i, .from = reader->next[i], .to = -1};

        rc = read_range(reader, config, &range, books, err);
    }
    return rc;
}

void ledger_reader_fini(struct ledger_reader *reader)
{
    free(reader->next);
    *reader = (struct ledger_reader){0};
}
