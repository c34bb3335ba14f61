#include "base/log_events.h"

#include <string.h>

/* In the order of the names. A key with ? is not in every line. */
const struct log_event log_events[] = {
    {"admin.failed", "error", "error", "",
     "The thread of the admin endpoint ended. Delivery continues. Probes and metrics are not "
     "answered any more.",
     "Restart the process (a liveness probe does this), and report the error."},
    {"admin.listening", "info", "url", "", "The admin endpoint listens at this address.", ""},
    {"answer.oversized", "warn", "destination status events limit_bytes verdict way_out",
     "destination status",
     "An answer was longer than the limit, and was cut. No event is rejected or delivered "
     "because of the missing part. See docs/delivery.md.",
     "Raise batch.answer_bytes, or send fewer events in a request (batch.events)."},
    {"backfill.failed", "error", "destination why next", "destination",
     "The backfill of the destination cannot read its topic. Live events are delivered as before; "
     "the backfill is opened anew after 10 s.",
     "`why` names what is missing, such as the right to the group GROUP.backfill.DESTINATION."},
    {"backfill.started", "info", "destination topic group", "destination",
     "The backfill of the destination reads the events that were diverted to `topic`.", ""},
    {"backfill.state", "info", "destination state was kept", "destination state was",
     "The backfill waits or goes on. `state`: as in docs/backfill.md, or `running`. `kept`: "
     "events that are kept back to be tried again.",
     ""},
    {"backfill.unread", "warn", "destination why", "destination",
     "The ledger cannot be read, so nobody knows whether backfills were paused, or events "
     "exported. What was known before stands; it is tried again after 10 s.",
     "`why` names what is missing: detour's principal has to read the ledger's topic."},
    {"catalog.thread", "warn", "threads error", "",
     "A further thread for requests to the registry could not be started. The existing threads "
     "continue.",
     "The error names the missing resource."},
    {"catalog.wake", "warn", "error", "",
     "A worker could not be woken after an answer of the registry, because no file descriptor "
     "was left. The worker checks by itself at most 1 s later.",
     "Raise the limit of open files."},
    {"dead_letter.too_large", "error",
     "topic source_topic partition offset value_bytes key_bytes header_bytes way_out",
     "topic source_topic partition",
     "The topic refuses a dead letter for its size, even in the smallest parts. Its partition "
     "waits; other partitions continue.",
     "Set max.message.bytes of the topic to the size in the line. detour continues by itself."},
    {"dead_letter.written", "warn",
     "destination event reason code field status request_id outage why",
     "destination event reason code field",
     "An event was written to the dead-letter topic. `destination` refused it (empty: none was "
     "asked); `field` is the refused field. The headers of the record say more.",
     "Correct what `why` names (the producer, the schema, the route or the map), then replay "
     "the events."},
    {"destination.held", "error",
     "destination source_id code status request_id why secret next_probe_in_ms way_out",
     "destination source_id",
     "The destination refused the credential or a setting. Its events wait; after 60 s they "
     "take the next destination of the chain.",
     "Correct the credential. detour reads the file of the secret again when it changes; no "
     "restart is needed."},
    {"destination.recovered", "info", "destination was", "destination was",
     "A destination that was held or throttled accepts events again.", ""},
    {"destination.still", "info", "destination was code status request_id next_probe_in_ms",
     "destination was",
     "A destination that is held or throttled was asked again and gave the same answer. "
     "`next_probe_in_ms` says when it is asked next.",
     ""},
    {"destination.throttled", "warn", "destination wait_ms", "destination",
     "The destination asked for fewer requests. Its events wait, and no attempt is counted.",
     "Nothing. If it lasts: check `rate`, and other users of the same app."},
    {"destination.throttled_long", "error", "destination for_ms why way_out", "destination",
     "The destination has throttled for a long time without a break.",
     "Check whether a quota is used up or the app is restricted. A probe is sent once a "
     "minute."},
    {"health.transition", "info warn",
     "destination event state cause scope k calls faults outage flapping verdict status code "
     "request_id next_probe_in_ms began lasted_ms diverted dead_lettered unlogged",
     "destination event state k outage",
     "A circuit breaker changed its state: warn when it opens, else info. `event` is empty for "
     "the whole destination. Counts and times are of the outage. See docs/health.md.",
     "If it opened: check the destination (`detour status` shows its last answer). Events take "
     "the next destination of the chain."},
    {"kafka.client", "debug info warn", "client facility text", "client facility",
     "A message of the Kafka client library, word for word.",
     "The client tries again by itself. If it lasts: check brokers and credential with `detour "
     "check --online`."},
    {"kafka.error", "warn error",
     "from worker error resource text meaning passes times since_ms next",
     "from worker error resource",
     "An error of a consumer, producer or cluster monitor (`from`) about `resource`. `passes`: "
     "it ends by itself. Logged once a minute; `times` counts the errors.",
     "See `next`."},
    {"kafka.error_over", "info", "from worker error resource times lasted_ms",
     "from worker error resource", "An error of a Kafka client has ended.", ""},
    {"ledger.close", "warn", "text", "",
     "The Kafka client of the ledger did not end in time. The process ends without it.",
     "Nothing."},
    {"ledger.failed", "error", "topic error failures next", "",
     "The brokers did not take a record for the ledger. What it says is written again. Nothing is "
     "committed meanwhile.",
     "`next` names the way out for this error."},
    {"ledger.made", "info", "topic", "", "The topic of the ledger was missing, and was made.", ""},
    {"ledger.missing", "warn", "topic why next", "",
     "The topic of the ledger is missing and could not be made.",
     "Make it with `detour topics --create`, or set `ledger: off`."},
    {"ledger.unwritable", "warn", "worker next", "worker",
     "The ledger has taken nothing for 2 s. The partitions of the worker are blocked as `ledger`, "
     "and nothing is committed.",
     "See `ledger.failed`: it names the error."},
    {"ledger.written", "info", "worker", "worker",
     "The ledger takes records again. The partitions go on.", ""},
    {"log.repeated", "info warn", "of alike other", "of",
     "Lines of the event `of` were not written: `alike` lines equal to a written one, and "
     "`other` lines with this name.",
     "See the row of that event."},
    {"metrics.lag_full", "warn", "partitions topic", "",
     "There are more partitions than the metrics have room for. The lag of the others is "
     "missing.",
     "Use more processes, or watch the lag at the brokers."},
    {"producer.batch", "info", "worker topic batch_bytes why", "worker topic",
     "The topic accepts less than one batch of the producer. The batches become smaller.", ""},
    {"producer.close", "warn", "worker text", "",
     "The Kafka client library did not stop in time and is abandoned.", "Nothing."},
    {"producer.reopen", "error", "worker error", "worker error",
     "A new producer could not be created. It is tried again; the records wait.",
     "The error names the missing resource: descriptors, memory or a setting."},
    {"record.crowded", "warn", "worker destination records bytes why", "worker destination",
     "Records for one topic use half of `in_flight`. Partitions that need the topic stop; the "
     "others continue.",
     "Make the topic writable. detour continues by itself."},
    {"record.mended", "warn", "destination topic changed source_topic partition offset why",
     "destination changed",
     "A topic refused a record for its timestamp or its missing key. It was written with "
     "another one (header detour.mended). For one minute such records are changed before they "
     "are sent.",
     "`detour topics` says which setting of the topic is the cause."},
    {"record.refused", "warn", "destination topic error source_topic partition offset way_out",
     "destination error",
     "A topic refused a record, and no change of the record helps. The record takes the next "
     "destination of its chain; at the dead-letter topic it waits.",
     "See `way_out`."},
    {"record.room", "info", "destination records", "destination",
     "Fewer records wait for a topic. Its partitions are read again.", ""},
    {"record.stuck", "error", "topic why source_topic partition offset way_out",
     "topic source_topic partition",
     "A diverted record or a dead letter cannot be written. Its partition waits; other "
     "partitions continue.",
     "See `way_out`. detour continues by itself."},
    {"record.unstuck", "info", "topic source_topic partition", "topic source_topic partition",
     "A partition that waited for a topic continues.", ""},
    {"registry.down", "warn", "waiting error", "error",
     "The schema registry has not answered, or for 10 s has given only bad answers. Events "
     "with known schema ids continue; the others wait.",
     "Check the registry. detour asks it again by itself."},
    {"registry.queue_full", "warn", "ids", "",
     "The queue of unknown schema ids is full. No further ids are asked for until there is "
     "room.",
     "Check who writes these records: so many schemas are rarely intended."},
    {"registry.secret", "warn", "error", "",
     "A secret of the registry cannot be read. The last value is used.",
     "Correct the file or environment variable in the line."},
    {"registry.strange", "warn", "error", "",
     "At the start the registry gave an unexpected answer. Events with known schema ids do not "
     "need the registry.",
     "Check schemas.registry.url."},
    {"registry.up", "info", "down_ms waiting failures", "", "The registry answers again.", ""},
    {"request.answered", "debug", "destination event events verdict status code", "",
     "An answer of a destination, and its verdict.", ""},
    {"request.local", "error", "destination requests? why", "destination",
     "Requests are not sent because this machine lacks a resource: a file, descriptors or "
     "memory. Their events wait; this does not count against the destination.",
     "Provide the resource that `why` names."},
    {"run.ended", "info", "code why", "", "A signal ended the process before a worker ran.", ""},
    {"run.failed", "error", "why", "",
     "The process ends with exit code 3, because a worker cannot continue.",
     "Correct what `why` names. A supervisor restarts the process."},
    {"run.hard_exit", "warn", "why", "",
     "The process ends without the last commit. Events since the commit before are delivered "
     "again.",
     "If the drain took too long: let the supervisor wait longer than shutdown.drain."},
    {"run.reload_unsupported", "warn", "why", "",
     "SIGHUP: this version does not reload its configuration. Nothing has changed.",
     "Restart the process."},
    {"run.signal_joined", "info", "signal", "signal",
     "A further signal came within 1 s of the first and counts as the same. A later signal "
     "ends the process at once.",
     ""},
    {"run.started", "info", "version config config_sha256 topics group instance workers", "",
     "The workers have started. `config_sha256` is the beginning of what `sha256sum FILE` "
     "prints.",
     ""},
    {"run.stopped", "info",
     "consumed delivered diverted dead_lettered dropped in_flight lag blocked not_closed which "
     "lines_lost",
     "", "The process has stopped. The keys are those of run.totals.", ""},
    {"run.stopping", "info", "signal", "",
     "A signal asked the process to stop. Events that have begun are finished, and their "
     "offsets are committed.",
     ""},
    {"run.totals", "info",
     "consumed delivered diverted dead_lettered dropped in_flight lag blocked not_closed which "
     "lines_lost",
     "",
     "The totals since the start, once in `log.totals` (a minute). `in_flight`, `lag`, "
     "`blocked` (partitions by reason) and `not_closed` (breakers; `which`) are the present "
     "values.",
     ""},
    {"schema.arrived", "info", "waited_ms", "", "No event waits for a schema any more.", ""},
    {"schema.given_up", "warn", "id status error", "id",
     "The registry answered other ids, but gave only bad answers about this one for `give_up`. "
     "Its events become dead letters (schema_unknown).",
     "Correct what `error` says, then replay the events."},
    {"schema.incompatible", "warn", "id error", "id",
     "The reader schema cannot read a writer schema. Its events become dead letters "
     "(schema_incompatible).",
     "Correct the schema or the reader, then replay the events."},
    {"schema.loaded", "info", "id record reader", "id", "The registry gave a schema.", ""},
    {"schema.unanswered", "warn", "id status waiting others error", "id",
     "The registry gave a bad answer about one id (status 0: none). Its events wait; others "
     "continue. `others`: bad answers about further ids since the last such line.",
     "Ask the registry for this id, and look at its log."},
    {"schema.unknown", "warn", "id others", "id",
     "The registry does not know an id. Its events become dead letters (schema_unknown).",
     "Find who wrote these records. Register the schema, then replay the events."},
    {"schema.waiting", "info", "id topic partition offset why", "id",
     "An event waits for its schema; this is normal for the first event of a schema. If the "
     "registry does not answer, `registry.down` or `schema.unanswered` follows.",
     ""},
    {"secret.changed", "info", "destination", "destination",
     "A secret has changed and was read again. Events that were held are tried with it.", ""},
    {"secret.unreadable", "warn", "destination secret why", "destination secret",
     "A secret cannot be read. The last value is used.",
     "Correct the file or environment variable in the line."},
    {"source.assigned", "info", "worker partitions", "",
     "The consumer group assigned partitions to a worker.", ""},
    {"source.close", "warn", "worker text", "",
     "The Kafka client library did not stop in time and is abandoned.", "Nothing."},
    {"source.commit_failed", "warn", "worker failures error next", "worker error",
     "Offsets were not committed. The commit is tried again. After a restart before that, "
     "settled events are delivered again.",
     "If it lasts: check that the brokers are reachable and that detour may read the group."},
    {"source.fatal", "error", "worker error text next", "",
     "The consumer cannot continue. The process ends with exit code 3.",
     "A supervisor restarts the process. If it happens again: see `next`."},
    {"source.fresh", "info warn", "topic partition offset from unread next", "topic partition",
     "The group has no offset for a partition; reading starts by kafka.start_from. `unread`: "
     "offsets before that place, which are not read (a warning if not 0).",
     "If the topic was recreated while nothing ran: stop detour and reset the group's offsets "
     "(kafka-consumer-groups --reset-offsets --to-earliest)."},
    {"source.gap", "error", "topic partition cause wanted first end missing action from next",
     "topic partition cause action",
     "Unread records are gone (`cause` removed), or the log has changed (truncated, replaced, "
     "past_end). `missing`: records lost, as far as known; reading continues at `from`.",
     "See `next`, and docs/delivery.md."},
    {"source.metadata_ignored", "warn", "topic partition offset metadata next",
     "topic partition metadata",
     "The metadata of the committed offset is not detour's, or belongs to another offset. It "
     "is ignored, and reading starts at the offset.",
     "Nothing after an upgrade, or if a tool or a replicator has set the offset."},
    {"source.metadata_too_large", "warn", "worker bytes_max next", "worker",
     "The brokers refuse the size of the commit metadata. Less is stored, so a restart may "
     "deliver more events again.",
     "Raise offset.metadata.max.bytes of the brokers to 4096."},
    {"source.no_gap", "warn", "topic partition offset next", "topic partition",
     "The broker refused an offset that it has. Reading continues at this offset.", "Nothing."},
    {"source.open_transaction", "warn", "topic partition offset behind open_ms next",
     "topic partition",
     "A transaction has been open for long. The `behind` records from `offset` on cannot be "
     "read before it ends. detour is not the cause.",
     "See `next`."},
    {"source.read_again", "warn", "topic partition offset wanted next", "topic partition",
     "Records that were read last are not in the log: it was compacted, or it is another one. It "
     "is read again from `offset` on; events up to `wanted` may be delivered again.",
     "Nothing, if the topic is compacted. Otherwise check whether the cluster lost records."},
    {"source.readable", "info", "topic partition offset was times lasted_ms", "topic partition",
     "A partition that could not be read is read again.", ""},
    {"source.revoked", "info", "worker partitions lost committed", "",
     "The consumer group revoked partitions. `lost`: without waiting for detour; `committed`: "
     "settled work was committed.",
     ""},
    {"source.slept", "warn", "worker slept_ms session_ms", "worker",
     "The process did not run for longer than the session timeout of the group. Nothing is "
     "sent until the group has answered.",
     "Check whether the machine was suspended or lacked processor time."},
    {"source.start", "debug", "topic partition offset committed", "",
     "Reading of a partition starts at this offset.", ""},
    {"source.undecided", "warn", "topic partition offset next", "topic partition",
     "For 5 s the record at `offset` could not be read. It decides whether the log is still "
     "the same one. The partition waits for it.",
     "Nothing if brokers are down. Otherwise check the leader of the partition."},
    {"source.unreadable", "error",
     "topic partition offset reason error text meaning times since_ms next else",
     "topic partition error",
     "A partition cannot be read at `offset`. No record is skipped. It is tried again at least "
     "every 30 s; other partitions continue. `reason` is that of detour_partition_blocked.",
     "See `next`. `else` says how to give up the records."},
    {"source.window_full", "warn", "topic partition waits_for_offset window", "topic partition",
     "One unsettled event is so far behind the others of its partition that reading stops.",
     "Check what this event waits for: a topic, a schema or a destination."},
    {"topic.missing", "warn", "topic destination way_out", "topic",
     "A topic of a destination does not exist. Partitions that need it wait until it exists.",
     "detour topics -c FILE --create"},
    {"topic.unauthorised", "error", "topic right next", "topic",
     "A right for a topic is missing. Logged at the start; later `kafka.error` reports it.",
     "Grant the right. No restart is needed."},
    {"topic.unfit", "warn", "topic destination why", "topic",
     "The settings of a topic delete records early, replace records that have the same key, or "
     "refuse some. Logged at the start; records are written nevertheless.",
     "Change the settings in the line. `detour topics` shows them."},
    {"worker.commit_late", "warn", "worker why", "worker",
     "The last commit was not acknowledged. Events since the commit before are delivered "
     "again.",
     "Nothing. If it happens again: check the brokers."},
    {"worker.drain_late", "warn", "worker events why", "worker",
     "Requests were not answered before the end of shutdown.drain. Their events are sent again "
     "after the restart.",
     "Make shutdown.drain longer than timeout.total of the destinations."},
    {"worker.full", "warn", "worker reason events bytes", "worker reason",
     "`in_flight` has been full for some time. The worker takes no event until others settle.",
     "Check what the events wait for (`detour status`). Raise in_flight only if it is too "
     "small."},
    {"worker.room", "info", "worker was", "worker", "A worker takes events again.", ""},
};

const size_t log_event_count = COUNT_OF(log_events);
_Static_assert(COUNT_OF(log_events) <= LOG_EVENTS_MAX, "log_limit has a place for each row");

size_t log_event_find(const char *name)
{
    for (size_t i = 0; i < log_event_count; i++) {
        if (strcmp(log_events[i].name, name) == 0) {
            return i;
        }
    }
    return LOG_EVENT_NONE;
}

static const char introduction[] =
    "# Log\n"
    "\n"
    "Every line that `detour run` writes to stderr. `make docs` writes this page from the table "
    "in\n"
    "`processor/base/log_events.c`. `make lint` compares every call in the program with the "
    "table.\n"
    "\n"
    "    time=2026-03-11T10:15:01.123Z level=info event=run.stopping signal=TERM\n"
    "    "
    "{\"time\":\"2026-03-11T10:15:01.123Z\",\"level\":\"info\",\"event\":\"run.stopping\","
    "\"signal\":\"TERM\"}\n"
    "\n"
    "`log.format` selects logfmt or JSON, `log.level` the lowest level that is written. The key "
    "`event` of\n"
    "a row is the event type. In JSON its name is `event_type`, because `event` is the name of the "
    "line.\n"
    "\n"
    "| level | means |\n"
    "| --- | --- |\n"
    "| error | something has stopped, or ends, until a person acts |\n"
    "| warn | detour handles the problem by itself, or it costs something |\n"
    "| info | normal operation, and the end of a problem |\n"
    "| debug | each request |\n"
    "\n"
    "**Repeated lines are counted.** Two lines are alike if they have the same name and the same "
    "values of the\n"
    "keys in bold (if no key is bold: the same name). Of lines that are alike, five are written at "
    "once, then one\n"
    "every 10 s. Of all lines with one name, 300 are written at once, then one each second. The "
    "next written line\n"
    "has the counts of the others: `repeated` (lines like it) and `suppressed` (other lines with "
    "its name). If no\n"
    "line is written for a minute, `log.repeated` has these counts. Debug lines are never "
    "suppressed.\n"
    "\n"
    "**If nobody reads stderr**, if it is closed, or if its disk is full, delivery continues. "
    "Lines are dropped and\n"
    "counted in `detour_log_lines_dropped_total`. No line contains a payload, personal data or a "
    "secret.\n"
    "\n"
    "| event | level | keys | what it means | what to do |\n"
    "| --- | --- | --- | --- | --- |\n";

static bool has_word(const char *words, struct span word)
{
    struct span all = span_of(words);

    for (size_t i = 0; i < all.len;) {
        size_t end = span_find(all, ' ', i);

        if (span_eq(span_sub(all, i, end), word)) {
            return true;
        }
        i = end + 1;
    }
    return false;
}

static void add_keys(struct buf *out, const struct log_event *event)
{
    struct span keys = span_of(event->keys);

    for (size_t i = 0; i < keys.len;) {
        size_t end = span_find(keys, ' ', i);
        struct span key = span_sub(keys, i, end);
        bool is_optional = key.ptr[key.len - 1] == '?';
        bool is_bold;

        key.len -= is_optional ? 1 : 0;
        is_bold = has_word(event->alike, key);
        buf_printf(out, "%s%s`" SPAN_FMT "`%s%s", i == 0 ? "" : " ", is_bold ? "**" : "",
                   SPAN_ARG(key), is_bold ? "**" : "", is_optional ? "?" : "");
        i = end + 1;
    }
}

void log_events_document(struct buf *out)
{
    buf_add_text(out, introduction);
    for (size_t i = 0; i < log_event_count; i++) {
        const struct log_event *event = &log_events[i];
        struct span levels = span_of(event->levels);

        buf_printf(out, "| `%s` | ", event->name);
        for (size_t at = 0; at < levels.len; at++) {
            buf_add_text(out, levels.ptr[at] == ' ' ? ", " : (char[]){levels.ptr[at], '\0'});
        }
        buf_add_text(out, " | ");
        add_keys(out, event);
        buf_printf(out, " | %s | %s |\n", event->means, event->to_do);
    }
}
