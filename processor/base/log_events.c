#include "base/log_events.h"

#include <string.h>

/* In the order of the names. A key with ? is not in every line. */
const struct log_event log_events[] = {
    {"admin.failed", "error", "error", "",
     "The thread of the admin endpoint ended. Delivery goes on; probes and metrics are not "
     "answered "
     "any more.",
     "Restart the process (a liveness probe does); report it."},
    {"admin.listening", "info", "url", "", "The admin endpoint answers at this address.", ""},
    {"answer.oversized", "warn", "destination status events limit_bytes verdict way_out",
     "destination status",
     "An answer was longer than is read of one, and cut. No event is blamed for what was not read, "
     "and none is delivered by it; see docs/delivery.md.",
     "Raise batch.answer_bytes, or send fewer events at a time (batch.events)."},
    {"catalog.thread", "warn", "threads error", "",
     "No further thread that asks the registry can be started. Those there are go on.",
     "The error names what is missing."},
    {"catalog.wake", "warn", "error", "",
     "A worker cannot be woken when the registry has answered, for want of a file descriptor; it "
     "looks by itself, up to a second later.",
     "Raise the limit of open files."},
    {"dead_letter.too_large", "error",
     "topic source_topic partition offset value_bytes key_bytes header_bytes way_out",
     "topic source_topic partition",
     "A dead letter is larger than its topic takes, even in the smallest parts. Its partition "
     "waits, and no other.",
     "Set max.message.bytes of the topic to the size named; detour goes on by itself."},
    {"dead_letter.written", "warn",
     "destination event reason code field status request_id outage why",
     "destination event reason code field",
     "An event went to the dead-letter topic: the destination that did not take it (empty: none "
     "was "
     "asked), why, the code it answered, and the path of the field it refused, in its own names. "
     "Its "
     "record's headers say more.",
     "Mend what `why` names: the producer, the schema, the route or the map; then replay them."},
    {"destination.held", "error",
     "destination source_id code status request_id why secret next_probe_in_ms way_out",
     "destination source_id",
     "The destination refused the credential or the settings. Its events wait, after a minute they "
     "take the next in the chain.",
     "Mend the credential: the secret file is watched, nothing needs a restart."},
    {"destination.recovered", "info", "destination was", "destination was",
     "The destination takes events again after a credential was refused or it was throttled.", ""},
    {"destination.still", "info", "destination was code status request_id next_probe_in_ms",
     "destination was",
     "A destination that is held or throttled was asked again and answered the same. When it is "
     "asked "
     "next.",
     ""},
    {"destination.throttled", "warn", "destination wait_ms", "destination",
     "The destination asked for less. Its events wait, none is tried meanwhile.",
     "Nothing, unless it lasts: then look at `rate` and at other users of the same app."},
    {"destination.throttled_long", "error", "destination for_ms why way_out", "destination",
     "The destination has asked for less for a long time without a break.",
     "A quota may be used up or the app restricted: look there. It is asked once a minute."},
    {"health.transition", "info warn",
     "destination event state cause scope k calls faults outage flapping verdict status code "
     "request_id next_probe_in_ms began lasted_ms diverted dead_lettered unlogged",
     "destination event state k outage",
     "A circuit breaker changed its state: warn when it opens, info on its way back (half_open, "
     "ramp, closed). `event` is empty for the destination as a whole. `verdict`, `status`, `code` "
     "and "
     "`request_id` are of the last answer (of the last that was not good, when it opens); the "
     "outage "
     "`began` with the first call of the run that led to it, and has sent so many events another "
     "way "
     "in this process. See docs/health.md.",
     "When it opens: look at the destination; `detour status` shows its last answer. Events take "
     "the next in the chain meanwhile."},
    {"kafka.client", "debug info warn", "client facility text", "client facility",
     "A message of the Kafka client library, word for word.",
     "It tries again by itself. If it goes on: are the brokers reachable, is the credential right "
     "(`detour check --online`)?"},
    {"kafka.error", "warn error",
     "from worker error resource text meaning passes times since_ms next",
     "from worker error resource",
     "An error of a Kafka client, `from` a consumer, a producer or the watch of the cluster, about "
     "the topic or group `resource`. `passes`: it goes away by itself. Said once a minute while it "
     "lasts, with how often it was met (`times`).",
     "See `next`."},
    {"kafka.error_over", "info", "from worker error resource times lasted_ms",
     "from worker error resource", "An error of a Kafka client is over.", ""},
    {"log.repeated", "info warn", "of alike other", "of",
     "So many lines of the event `of` were not written, and no later one came that could say so: "
     "`alike` like one that was written, `other` of that name.",
     "See the row of that event."},
    {"metrics.lag_full", "warn", "partitions topic", "",
     "More partitions than there is room for: the lag of those beyond is not in the metrics.",
     "Use more processes, or alert on the lag at the brokers."},
    {"producer.batch", "info", "worker topic batch_bytes why", "worker topic",
     "The topic takes less than a batch of the producer. Batches become smaller.", ""},
    {"producer.close", "warn", "worker text", "",
     "The Kafka client library did not end in time; it is left behind.", "Nothing."},
    {"producer.reopen", "error", "worker error", "worker error",
     "No new producer can be made. It is tried again; records wait.",
     "The error names what is missing: descriptors, memory, a setting."},
    {"record.crowded", "warn", "worker destination records bytes why", "worker destination",
     "Half of in_flight waits for one topic. Partitions that need it stop, others go on.",
     "Make the topic writable; detour goes on by itself."},
    {"record.mended", "warn", "destination topic changed source_topic partition offset why",
     "destination changed",
     "A topic refused a record for its timestamp or its missing key. It was written with another "
     "one, and says so in the header detour.mended; the next minute's are changed at once.",
     "`detour topics` says which limit of the topic it is."},
    {"record.refused", "warn", "destination topic error source_topic partition offset way_out",
     "destination error",
     "A topic refuses a record for its own sake, and no change helps. It takes the next "
     "destination of its chain; at the dead-letter topic it waits.",
     "See way_out."},
    {"record.room", "info", "destination records", "destination",
     "What waited for a topic has become less; its partitions are read again.", ""},
    {"record.stuck", "error", "topic why source_topic partition offset way_out",
     "topic source_topic partition",
     "A diverted record or dead letter cannot be written. Its partition waits, and no other.",
     "See way_out: detour goes on by itself."},
    {"record.unstuck", "info", "topic source_topic partition", "topic source_topic partition",
     "A partition that waited for a topic goes on.", ""},
    {"registry.down", "warn", "waiting error", "error",
     "The schema registry does not answer, or for ten seconds only badly. Events of known schema "
     "ids "
     "go on, the others wait.",
     "Look at the registry; it is asked again by itself."},
    {"registry.queue_full", "warn", "ids", "",
     "So many unknown schema ids wait for the registry that no more are asked for.",
     "Look at who writes these records: it is rarely so many schemas."},
    {"registry.secret", "warn", "error", "",
     "A secret of the registry cannot be read; the last one is used.",
     "Mend the file or variable named."},
    {"registry.strange", "warn", "error", "",
     "At the start the registry answered something that is no answer. Known ids need no registry.",
     "Is schemas.registry.url right?"},
    {"registry.up", "info", "down_ms waiting failures", "", "The registry answers again.", ""},
    {"request.answered", "debug", "destination event events verdict status code", "",
     "An answer, and how it was read.", ""},
    {"request.local", "error", "destination requests? why", "destination",
     "Requests are not sent because this machine lacks something: a file, descriptors, memory. "
     "Their events wait; the destination is not blamed.",
     "Mend what is named."},
    {"run.ended", "info", "code why", "", "A signal ended the process while no worker ran.", ""},
    {"run.failed", "error", "why", "", "The process ends with exit code 3: a worker cannot go on.",
     "Mend what is named; a supervisor starts it again."},
    {"run.hard_exit", "warn", "why", "",
     "The process ends without the last commit; work since the one before is done again.",
     "If the drain takes too long: give the supervisor more time than shutdown.drain."},
    {"run.reload_unsupported", "warn", "why", "",
     "SIGHUP: this version does not load its configuration again. Nothing has changed.",
     "Restart it."},
    {"run.signal_joined", "info", "signal", "signal",
     "While it stops, one more signal came within a second of the first: it belongs to that one. A "
     "later one ends the process at once.",
     ""},
    {"run.started", "info", "version config config_sha256 topics group instance workers", "",
     "The workers have started. `config_sha256` are the first digits that `sha256sum FILE` prints.",
     ""},
    {"run.stopped", "info",
     "consumed delivered diverted dead_lettered dropped in_flight lag blocked not_closed which "
     "lines_lost",
     "", "The end, with the totals since the start, as in run.totals.", ""},
    {"run.stopping", "info", "signal", "",
     "A signal asked for the end: what is under way is finished and committed.", ""},
    {"run.totals", "info",
     "consumed delivered diverted dead_lettered dropped in_flight lag blocked not_closed which "
     "lines_lost",
     "",
     "Where it stands, once in `log.totals` (a minute). Events since the start; `in_flight` and "
     "`lag` now; `blocked`: partitions that stand, by reason; `not_closed`: how many destinations "
     "and event types are open, half-open, on the ramp, throttled or held, and `which`; "
     "`lines_lost`: log lines that could not be written.",
     ""},
    {"schema.arrived", "info", "waited_ms", "", "No event waits for a schema any more.", ""},
    {"schema.given_up", "warn", "id status error", "id",
     "The registry gave other schemas, and for long enough only bad answers about this id. Its "
     "events become dead letters, schema_unknown.",
     "Mend what the error says, then replay them."},
    {"schema.incompatible", "warn", "id error", "id",
     "A writer schema cannot be read by the reader schema. Its events become dead letters, "
     "schema_incompatible.",
     "Mend the schema or the reader, then replay them."},
    {"schema.loaded", "info", "id record reader", "id", "The registry gave a schema.", ""},
    {"schema.unanswered", "warn", "id status waiting others error", "id",
     "The registry answers badly about one id (status 0: not at all). Its events wait, others go "
     "on. `others`: bad answers about further ids since the last such line.",
     "Ask the registry for that id; look at its log."},
    {"schema.unknown", "warn", "id others", "id",
     "The registry does not know an id. Its events become dead letters, schema_unknown.",
     "Who wrote these records? Register the schema, then replay them."},
    {"schema.waiting", "info", "id topic partition offset why", "id",
     "An event waits for its schema, as each first one of a schema does. When the registry does "
     "not "
     "answer, `registry.down` or `schema.unanswered` says so.",
     ""},
    {"secret.changed", "info", "destination", "destination",
     "A secret was read again after it changed; held events are tried with it.", ""},
    {"secret.unreadable", "warn", "destination secret why", "destination secret",
     "A secret cannot be read; the last one is used.", "Mend the file or variable named."},
    {"source.assigned", "info", "worker partitions", "", "The group gave partitions to a worker.",
     ""},
    {"source.close", "warn", "worker text", "",
     "The Kafka client library did not end in time; it is left behind.", "Nothing."},
    {"source.commit_failed", "warn", "worker failures error next", "worker error",
     "Offsets were not committed. It is tried again; a restart before then sends settled events "
     "again.",
     "If it goes on: are the brokers reachable, may detour read the group?"},
    {"source.fatal", "error", "worker error text next", "",
     "The consumer cannot go on; the process ends with exit code 3.",
     "A supervisor starts it again. If it repeats: see `next`."},
    {"source.fresh", "info warn", "topic partition offset from unread next", "topic partition",
     "The group has no offset for a partition yet: it starts where kafka.start_from says. `unread` "
     "is how many offsets before that place are not read; a warning if there are any.",
     "If the topic was made anew while nothing ran: stop detour, set the group's offsets to the "
     "first ones (kafka-consumer-groups --reset-offsets --to-earliest)."},
    {"source.gap", "error", "topic partition cause wanted first end missing action from next",
     "topic partition cause action",
     "Records that were not read are gone (`cause` removed), or the log is another one from some "
     "record on (truncated), as a whole (replaced), or perhaps (past_end). `missing` is how many "
     "records are gone unread, as far as is known, `action` what kafka.on_gap said, `from` where "
     "reading goes on.",
     "See `next`, and docs/delivery.md."},
    {"source.metadata_ignored", "warn", "topic partition offset metadata next",
     "topic partition metadata",
     "The metadata of the group's offset is not detour's, or not of this offset. Nothing in it is "
     "trusted: reading begins at the offset.",
     "Nothing after an upgrade, or when a tool or a replicator has set the offset."},
    {"source.metadata_too_large", "warn", "worker bytes_max next", "worker",
     "The brokers do not take so much metadata in a commit: less is kept, and a restart may send "
     "more events again.",
     "Raise the brokers' offset.metadata.max.bytes to 4096."},
    {"source.no_gap", "warn", "topic partition offset next", "topic partition",
     "The broker refused an offset that it has. Reading goes on there.", "Nothing."},
    {"source.open_transaction", "warn", "topic partition offset behind open_ms next",
     "topic partition",
     "A transaction has been open for long: the `behind` records from `offset` on cannot be read "
     "before it ends. Not detour is slow.",
     "See `next`."},
    {"source.readable", "info", "topic partition offset was times lasted_ms", "topic partition",
     "A partition is read again that could not be read.", ""},
    {"source.revoked", "info", "worker partitions lost committed", "",
     "The group took partitions away. `lost`: without asking; `committed`: what was settled.", ""},
    {"source.slept", "warn", "worker slept_ms session_ms", "worker",
     "The process stood still longer than the group waits. Nothing is sent until the group has "
     "spoken.",
     "Was the machine suspended, or short of processor time?"},
    {"source.start", "debug", "topic partition offset committed", "",
     "A partition is read from this offset.", ""},
    {"source.undecided", "warn", "topic partition offset next", "topic partition",
     "For 5 s nothing has come of the record at `offset`, which tells whether this is still the "
     "log "
     "that was read. Until it comes nothing of the partition is read.",
     "Nothing if brokers are away. Else look at the partition's leader."},
    {"source.unreadable", "error",
     "topic partition offset reason error text meaning times since_ms next else",
     "topic partition error",
     "A partition cannot be read from `offset` on. Nothing of it is skipped: it is tried again, at "
     "last every 30 s; other partitions go on. `reason` is that of detour_partition_blocked.",
     "See `next`; `else` gives the records up."},
    {"source.window_full", "warn", "topic partition waits_for_offset window", "topic partition",
     "One unsettled event is so far behind the others of its partition that reading stops.",
     "Look at what that event waits for: a topic, a schema, a destination."},
    {"topic.missing", "warn", "topic destination way_out", "topic",
     "A topic that a destination writes to does not exist. Partitions that need it wait until it "
     "is there.",
     "detour topics -c FILE --create"},
    {"topic.unauthorised", "error", "topic right next", "topic",
     "A topic may not be used, or not be seen, for want of a right. Said at the start; from then "
     "on "
     "`kafka.error` says it.",
     "Grant the right: nothing needs a restart."},
    {"topic.unfit", "warn", "topic destination why", "topic",
     "The settings of a topic delete records early, let one take the place of another, or refuse "
     "some. Said at the start; it is written all the same.",
     "Change the settings named: `detour topics` shows them."},
    {"worker.commit_late", "warn", "worker why", "worker",
     "The last commit was not acknowledged: work since the one before is done again.",
     "Nothing, unless it repeats: then look at the brokers."},
    {"worker.drain_late", "warn", "worker events why", "worker",
     "Events were sent but not answered before shutdown.drain was over; they are sent again after "
     "the restart.",
     "Make shutdown.drain longer than the destinations' timeout.total."},
    {"worker.full", "warn", "worker reason events bytes", "worker reason",
     "in_flight is used up for some time: a worker takes nothing more until events settle.",
     "Look at what they wait for (`detour status`); raise in_flight only if it is too small."},
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
    "Every line that `detour run` writes to stderr. This page is written from the table in\n"
    "`processor/base/log_events.c`; `make lint` compares every call with it, `make docs` writes "
    "it.\n"
    "\n"
    "    time=2026-03-11T10:15:01.123Z level=info event=run.stopping signal=TERM\n"
    "    {\"time\":\"2026-03-11T10:15:01.123Z\",\"level\":\"info\",\"event\":\"run.stopping\","
    "\"signal\":\"TERM\"}\n"
    "\n"
    "`log.format` chooses logfmt or JSON, `log.level` what is written. Where a line has a key "
    "`event`, it is\n"
    "the event type; JSON calls it `event_type`, since `event` is the name of the line there.\n"
    "\n"
    "| level | means |\n"
    "| --- | --- |\n"
    "| error | something stands, or ends, until a person does something |\n"
    "| warn | something is wrong that detour deals with by itself, or that costs something |\n"
    "| info | what happened, among it that something is well again |\n"
    "| debug | each request |\n"
    "\n"
    "**Repeated lines are counted.** Lines are alike when they have the same name and the same "
    "values of the keys\n"
    "in bold (none is bold: the same name is enough). Five that are alike are written at once, "
    "then "
    "one in ten seconds;\n"
    "of all lines of one name 300 at once, then one a second. The next line that is written tells "
    "what was not:\n"
    "`repeated` lines like it, `suppressed` others of its name. When none comes for a minute "
    "`log.repeated` tells.\n"
    "Debug lines are all written.\n"
    "\n"
    "**A stderr that nobody reads**, that is closed, or whose disk is full, holds nothing up: the "
    "line is dropped, and\n"
    "counted in `detour_log_lines_dropped_total`. No line holds a payload, personal data or a "
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
