#include "schema/catalog_log.h"

#include <stdio.h>

enum { AGAIN_MS = 10 * 1000 }; /* a line about another id, or another cause, not before */

static void tell_unknown(struct catalog *catalog, uint64_t key, uint64_t now_ms)
{
    struct logged_state *last = &catalog->unknown;

    if (last->said_ms != 0 && now_ms - last->said_ms < AGAIN_MS) {
        last->unsaid++;
        return;
    }
    LOG_WARN("schema.unknown", "id=%llu others=%zu", (unsigned long long)key, last->unsaid);
    *last = (struct logged_state){.said_ms = now_ms};
}

void catalog_log_settled(struct catalog *catalog, uint64_t key, const struct writer *writer,
                         uint64_t now_ms)
{
    if (writer->state == WRITER_READY) {
        LOG_INFO("schema.loaded", "id=%llu record=%s reader=%s", (unsigned long long)key,
                 LOG_S(writer->record_name),
                 LOG_S(catalog->readers.schemas[writer->reader]->root->name));
    } else if (writer->state == WRITER_UNKNOWN) {
        tell_unknown(catalog, key, now_ms);
    } else {
        LOG_WARN("schema.incompatible", "id=%llu error=%s", (unsigned long long)key,
                 LOG_Q(writer->text));
    }
    catalog->unanswered.cause = 0; /* it has answered: the next bad answer is news */
}

void catalog_log_up(struct catalog *catalog, uint64_t now_ms)
{
    const struct writers *writers = &catalog->writers;

    if (writers->failed_ms != 0) {
        LOG_INFO("registry.up", "down_ms=%llu waiting=%zu failures=%u",
                 (unsigned long long)(now_ms - writers->failed_ms), writers->pending_count,
                 MAX_OF(writers->silences, writers->strain));
        catalog->up_ms = now_ms;
    }
}

void catalog_log_down(struct catalog *catalog, bool was_up, uint64_t cause, const char *text,
                      uint64_t now_ms)
{
    struct logged_state *last = &catalog->down;

    if (was_up || (cause != last->cause && now_ms - last->said_ms >= AGAIN_MS)) {
        LOG_WARN("registry.down", "waiting=%zu error=%s", catalog->writers.pending_count,
                 LOG_Q(text));
        *last = (struct logged_state){.cause = cause, .said_ms = now_ms};
    }
    (void)snprintf(catalog->down_text, sizeof(catalog->down_text), "%s", text);
}

void catalog_log_unanswered(struct catalog *catalog, uint64_t key,
                            const struct registry_failure *failure, const char *text,
                            uint64_t now_ms)
{
    struct logged_state *last = &catalog->unanswered;

    if (failure->cause == last->cause || (last->cause != 0 && now_ms - last->said_ms < AGAIN_MS)) {
        last->unsaid++;
        return;
    }
    LOG_WARN("schema.unanswered", "id=%llu status=%u waiting=%zu others=%zu error=%s",
             (unsigned long long)key, failure->status, catalog->writers.pending_count, last->unsaid,
             LOG_Q(text));
    *last = (struct logged_state){.cause = failure->cause, .said_ms = now_ms};
}

void catalog_log_given_up(uint64_t key, const struct registry_failure *failure, const char *text)
{
    LOG_WARN("schema.given_up", "id=%llu status=%u error=%s", (unsigned long long)key,
             failure->status, LOG_Q(text));
}
