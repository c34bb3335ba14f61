#include "config/options.h"

#include <string.h>

#define AT(field) .offset = offsetof(struct config, field)
#define AND(field) .offset_more = offsetof(struct config, field)
#define SECTION(array) (array), COUNT_OF(array)

enum { MINUTE_MS = 60 * 1000 };
#define DAY_MS (24 * 3600 * 1000ull)
#define KIB 1024ull
#define MIB (1024 * KIB)

static const char *const start_words[] = {"earliest", "latest", NULL};
static const char *const gap_words[] = {"halt", "skip", NULL};
static const char *const past_end_words[] = {"end", "first", NULL};
static const char *const framing_words[] = {"confluent", "single-object", "raw", NULL};
static const char *const unmatched_words[] = {"dead_letter", "drop", NULL};
static const char *const priority_words[] = {"high", "normal", "low", NULL};
static const char *const format_words[] = {"logfmt", "json", NULL};
static const char *const level_words[] = {"debug", "info", "warn", "error", NULL};

static const struct config_option top[] = {
    {"kafka", "Where events come from.", OPTION_SECTION, .section = "kafka", .is_required = true},
    {"workers", "Consumer threads of this process; the group spreads the partitions over them.",
     OPTION_COUNT, AT(workers), .fallback = "1", .min = 1, .max = 256},
    {"in_flight", "What one worker holds at a time; beyond it partitions pause.", OPTION_SECTION,
     .section = "in_flight"},
    {"schemas", "What the bytes mean.", OPTION_SECTION, .section = "schemas", .is_required = true},
    {"event", "Where the reader schema keeps what detour itself needs.", OPTION_SECTION,
     .section = "event"},
    {"destinations", "Named places events go.", OPTION_SPECIAL, .form = "map: name to destination",
     .section = "destinations.*", .read = read_destinations, .is_required = true},
    {"routes", "Which events go where; the first match wins.", OPTION_SPECIAL,
     .form = "list of routes", .section = "routes[]", .read = read_routes, .is_required = true},
    {"dead_letter",
     "The destination at the end of every chain: type kafka, and in no chain by itself.",
     OPTION_SPECIAL, .form = "name of a destination", .read = read_dead_letter,
     .is_required = true},
    {"unmatched", "What becomes of an event that no route takes.", OPTION_CHOICE, AT(unmatched),
     .choices = unmatched_words, .fallback = "dead_letter"},
    {"ledger", "The topic that records outages and what happened in them; `off` for none.",
     OPTION_SPECIAL, .form = "map, or off", .section = "ledger", .read = read_ledger},
    {"admin", "The admin endpoint; `off` for none.", OPTION_SPECIAL, .form = "map, or off",
     .section = "admin", .read = read_admin},
    {"alerts", "Who is told of what.", OPTION_SPECIAL, .form = "list of alerts",
     .section = "alerts[]", .read = read_alerts},
    {"log", "Log lines on stderr.", OPTION_SECTION, .section = "log"},
    {"tests", "Files with route tests, as patterns; `detour check` runs them.", OPTION_FILES,
     AT(tests), AND(test_count)},
    {"shutdown", "How the process ends.", OPTION_SECTION, .section = "shutdown"},
};

static const struct config_option kafka[] = {
    {"brokers", "HOST:PORT of one or more brokers, separated by commas.", OPTION_TEXT,
     AT(kafka.brokers), .is_required = true, .check = check_brokers},
    {"group", "The consumer group; processes with the same group share the partitions.",
     OPTION_TEXT, AT(kafka.group), .is_required = true},
    {"topics", "The source topics.", OPTION_TEXTS, AT(kafka.topics), AND(kafka.topic_count),
     .is_required = true, .check = check_topics},
    {"start_from", "Where reading starts if the group has no committed offset.", OPTION_CHOICE,
     AT(kafka.start_from), .choices = start_words, .fallback = "earliest"},
    {"on_gap",
     "What to do if unread events are gone from the topic, or the log under the committed offset "
     "has changed. `halt`: stop the partition; `skip`: continue after the gap. Both are logged.",
     OPTION_CHOICE, AT(kafka.on_gap), .choices = gap_words, .fallback = "halt"},
    {"past_end",
     "With `on_gap: skip`, if the offset is behind the end of the log and no mark identifies the "
     "log: `end` continues at the end, `first` at the first record. See docs/delivery.md.",
     OPTION_CHOICE, AT(kafka.past_end), .choices = past_end_words, .fallback = "end"},
    {"properties",
     "Any librdkafka property (TLS, SASL ...). A value may be {env: NAME} or {file: PATH}. A "
     "property that detour sets itself is refused with the reason.",
     OPTION_SPECIAL, .form = "map: property to value", .read = read_properties},
};

static const struct config_option in_flight[] = {
    {"events", "Events that are taken and not settled.", OPTION_COUNT, AT(in_flight.events),
     .fallback = "20000", .min = 1, .max = 10000000},
    {"bytes", "Their bytes.", OPTION_SIZE, AT(in_flight.bytes), .fallback = "64MiB", .min = MIB,
     .max = 1024 * 1024 * MIB},
};

static const struct config_option schemas[] = {
    {"directory", "Folder of the reader schemas, one .avsc file each.", OPTION_FILE,
     AT(schemas.directory), AND(schemas.directory_place), .is_required = true},
    {"framing", "How a message names its writer schema.", OPTION_CHOICE, AT(schemas.framing),
     .choices = framing_words, .fallback = "confluent"},
    {"max_bytes",
     "The largest schema that is read from a file or the registry. Each referenced schema counts "
     "by itself.",
     OPTION_SIZE, AT(schemas.bytes_max), .fallback = "1MiB", .min = KIB, .max = 16 * MIB},
    {"registry", "A Confluent-compatible schema registry.", OPTION_SECTION,
     .section = "schemas.registry"},
    {"ids", "Writer schemas by registry id, where there is no registry.", OPTION_SPECIAL,
     .form = "map: id to file in `directory`", .read = read_schema_ids},
    {"reader",
     "Full name of the record that events are read as, or a map from writer name to reader name. "
     "If several files define the record, the name of the file replaces it.",
     OPTION_SPECIAL, .form = "name, or map: writer to reader", .read = read_schema_reader,
     .is_required = true},
};

static const struct config_option registry[] = {
    {"url", "Base URL, or a list of URLs that are tried in turn.", OPTION_TEXTS,
     AT(schemas.registry.urls), AND(schemas.registry.url_count), .check = check_registry_urls},
    {"username", "For basic authentication.", OPTION_SECRET, AT(schemas.registry.username)},
    {"password", "For basic authentication.", OPTION_SECRET, AT(schemas.registry.password)},
    {"timeout", "For one request.", OPTION_DURATION, AT(schemas.registry.timeout_ms),
     .fallback = "5s", .min = 100, .max = MINUTE_MS},
    {"requests", "Requests at a time, when many ids are unknown.", OPTION_COUNT,
     AT(schemas.registry.requests), .fallback = "16", .min = 1, .max = 64},
    {"give_up",
     "How long events wait for an id that gets only bad answers (5xx, 401, 403, no JSON) while "
     "other ids are answered. Then they become dead letters, `schema_unknown`.",
     OPTION_DURATION, AT(schemas.registry.give_up_ms), .fallback = "10m", .min = 1000,
     .max = 7 * 24 * 60 * MINUTE_MS},
    {"waiting",
     "Memory of a worker for events that wait for a schema, apart from `in_flight`; an event "
     "counts at least 1 KiB. If it is full, or one id uses half of it, their partitions stop.",
     OPTION_SIZE, AT(schemas.registry.waiting_bytes), .fallback = "128MiB", .min = MIB,
     .max = 1024 * 1024 * MIB},
    {"ca_file", "Certificates (PEM) to verify it with, instead of the system's.", OPTION_FILE,
     AT(schemas.registry.ca_file), .check = check_readable},
};

static const struct config_option event[] = {
    {"type", "The event type: a path, or {record: name} for the record's own name.", OPTION_SPECIAL,
     .form = "path, or {record: name}", AT(event.type), .fallback = "event",
     .read = read_event_type},
    {"id", "The id that the event shares with the browser pixel, if there is one.", OPTION_PATH,
     AT(event.id), AND(event.id_place), .fallback = "event_id"},
    {"time",
     "When it happened: a timestamp of any unit, ISO 8601 text, or a number. If it is unusable, "
     "the timestamp of the Kafka record is used and counted. See *Event times* above.",
     OPTION_PATH, AT(event.time), AND(event.time_place), .fallback = "timestamp"},
    {"value", "What it is worth.", OPTION_PATH, AT(event.value), AND(event.value_place),
     .fallback = "properties.value"},
    {"currency", "In which currency.", OPTION_PATH, AT(event.currency), AND(event.currency_place),
     .fallback = "properties.currency"},
};

#undef AT
#undef AND
#define AT(field) .offset = offsetof(struct config_route, field)

static const struct config_option route[] = {
    {"name", "For people, logs, headers and tests.", OPTION_TEXT, AT(name), .is_required = true,
     .check = check_name},
    {"match", "What it takes; {} takes everything. See the match language.", OPTION_MAP, AT(match),
     .is_null_refused = true},
    {"priority",
     "Which events go first when the rate, the ramp or the connections of a destination are "
     "limited.",
     OPTION_CHOICE, AT(priority), .choices = priority_words, .fallback = "normal"},
    {"continue", "Whether the next route is tried as well.", OPTION_BOOL, AT(is_continued),
     .fallback = "false"},
    {"legs",
     "A list of legs. Each leg is a chain of destinations: the primary, then its alternates. A "
     "route has either legs or drop.",
     OPTION_SPECIAL, .form = "list of lists of names", .read = read_legs, .is_null_refused = true},
    {"drop", "Take the event and deliver it nowhere. The events are counted under this word.",
     OPTION_TEXT, AT(drop), .check = check_name, .is_null_refused = true},
};

#undef AT
#define AT(field) .offset = offsetof(struct config_alert, field)

static const struct config_option alert[] = {
    {"webhook", "The URL that gets a POST.", OPTION_SECRET, AT(webhook), .is_required = true},
    {"on", "Which events are sent: outage_opened, outage_closed, credential, gap.", OPTION_SPECIAL,
     .form = "list of words", .read = read_alert_events, .is_required = true},
};

#undef AT
#define AT(field) .offset = offsetof(struct config, field)

static const struct config_option ledger[] = {
    {"topic", "Its name.", OPTION_TEXT, AT(ledger.topic), .fallback = "detour.ledger",
     .check = check_topics},
};

static const struct config_option admin[] = {
    {"listen", "HOST:PORT it listens on.", OPTION_SPECIAL, .form = "HOST:PORT",
     .fallback = "127.0.0.1:8080", .read = read_listen},
    {"token",
     "Bearer token of the requests that change something; without a token there are no such "
     "requests.",
     OPTION_SECRET, AT(admin.token)},
};

static const struct config_option log_options[] = {
    {"format", "How a line is written.", OPTION_CHOICE, AT(log.format), .choices = format_words,
     .fallback = "logfmt"},
    {"level", "The lowest level that is written.", OPTION_CHOICE, AT(log.level),
     .choices = level_words, .fallback = "info"},
    {"totals",
     "How often the line `run.totals` is written, with the counts of events, the lag and the "
     "open breakers.",
     OPTION_DURATION, AT(log.totals_ms), .fallback = "1m", .min = 1000, .max = DAY_MS},
};

static const struct config_option shutdown_options[] = {
    {"drain", "How long requests that were sent may take before the process ends.", OPTION_DURATION,
     AT(shutdown.drain_ms), .fallback = "20s", .min = 0, .max = 10 * MINUTE_MS},
};

static const struct config_section section_top = {"", "The file.", SECTION(top)};
static const struct config_section section_kafka = {"kafka", NULL, SECTION(kafka)};
static const struct config_section section_in_flight = {"in_flight", NULL, SECTION(in_flight)};
static const struct config_section section_schemas = {"schemas", NULL, SECTION(schemas)};
static const struct config_section section_registry = {"schemas.registry", NULL, SECTION(registry)};
static const struct config_section section_event = {"event", NULL, SECTION(event)};
static const struct config_section section_route = {"routes[]", "One route.", SECTION(route)};
static const struct config_section section_ledger = {"ledger", NULL, SECTION(ledger)};
static const struct config_section section_admin = {"admin", NULL, SECTION(admin)};
static const struct config_section section_alert = {"alerts[]", "One alert.", SECTION(alert)};
static const struct config_section section_log = {"log", NULL, SECTION(log_options)};
static const struct config_section section_shutdown = {"shutdown", NULL, SECTION(shutdown_options)};

static const struct config_section *const sections[] = {
    &section_top,      &section_kafka,       &section_in_flight,   &section_schemas,
    &section_registry, &section_event,       &section_destination, &section_batch,
    &section_rate,     &section_concurrency, &section_timeout,     &section_retry,
    &section_throttle, &section_health,      &section_backfill,    &section_route,
    &section_ledger,   &section_admin,       &section_alert,       &section_log,
    &section_shutdown,
};

const struct config_section *section_at(size_t index)
{
    return index < COUNT_OF(sections) ? sections[index] : NULL;
}

const struct config_section *section_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(sections); i++) {
        if (strcmp(sections[i]->name, name) == 0) {
            return sections[i];
        }
    }
    return NULL;
}

const struct config_section *section_of_type(const struct config_type *type, const char *name)
{
    for (size_t i = 0; i < type->section_count; i++) {
        if (strcmp(type->sections[i].name, name) == 0) {
            return &type->sections[i];
        }
    }
    return NULL;
}
