/* The rows of one destination. Where types differ in a default or a bound, a key has two rows. */
#include "config/options.h"

#define AT(field) .offset = offsetof(struct config_destination, field)
#define AND(field) .offset_more = offsetof(struct config_destination, field)
#define SECTION(array) (array), COUNT_OF(array)

#define SECOND_MS 1000ull
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)
#define KIB 1024ull
#define MIB (1024 * KIB)

static const char *const format_words[] = {"original", "utm", NULL};
static const char *const then_words[] = {"divert", "wait", NULL};

static const struct config_option destination[] = {
    {"type", "The kind of the destination.", OPTION_TYPE, FOR_ALL, true, AT(type)},

    {"ca_file", "Certificates (PEM) that verify the server, instead of the system's.", OPTION_FILE,
     FOR_REQUESTS, AT(ca_file), .check = check_readable},
    {"allow_private",
     "Whether `url` may use http, and may lead to a loopback, link-local or private address. A "
     "loopback address that stands in `url` itself is always allowed.",
     OPTION_BOOL, FOR_REQUESTS, AT(is_private_allowed), .fallback = "false"},

    {"batch", "How events share a request.", OPTION_SECTION, FOR_REQUESTS,
     .section = "destinations.*.batch"},
    {"rate", "The highest rate of requests.", OPTION_SECTION, FOR_REQUESTS,
     .section = "destinations.*.rate"},
    {"concurrency", "Requests at a time, for each worker.", OPTION_SECTION, FOR_REQUESTS,
     .section = "destinations.*.concurrency"},
    {"timeout", "How long a request may take.", OPTION_SECTION, FOR_REQUESTS,
     .section = "destinations.*.timeout"},
    {"retry", "What to do after a transient failure.", OPTION_SECTION, FOR_REQUESTS,
     .section = "destinations.*.retry"},
    {"throttle", "What to do when the destination asks for fewer requests.", OPTION_SECTION,
     FOR_REQUESTS, .section = "destinations.*.throttle"},
    {"health", "When the circuit breakers open.", OPTION_SECTION, FOR_REQUESTS,
     .section = "destinations.*.health"},
    {"backfill", "How diverted events are delivered after the destination has recovered.",
     OPTION_SECTION, FOR_REQUESTS, .section = "destinations.*.backfill"},

    {"topic", "The topic.", OPTION_TEXT, FOR_TOPICS, true, AT(topic), .check = check_topics},
    {"format", "original: the same bytes; utm: the UtmAttribution record.", OPTION_CHOICE,
     FOR_TOPICS, AT(format), .choices = format_words, .fallback = "original"},
    {"utm",
     "For format utm: where its fields come from. Each entry replaces one field of the default: "
     "landing_page, referrer, source, medium, campaign, term, content, id.",
     OPTION_MAP, FOR_TOPICS, AT(utm)},
    {"headers", "`connect`: also write the __connect.errors.* headers of Kafka Connect.",
     OPTION_SPECIAL, FOR_TOPICS, .form = "connect", .read = read_kafka_headers},
    {"keep_timestamp",
     "Whether a record keeps the timestamp of the original. Otherwise it has the time of "
     "writing, and the retention of the topic counts from then.",
     OPTION_BOOL, FOR_TOPICS, AT(is_timestamp_kept), .fallback = "false"},
};

static const struct config_option batch[] = {
    {"bytes", "Bytes of one request.", OPTION_SIZE, FOR_REQUESTS, AT(batch.bytes),
     .fallback = "1MiB", .min = 16 * KIB, .max = 64 * MIB},
    {"answer_bytes",
     "The most bytes of an answer's body that are read. 0: 64KiB, and for each event of the "
     "request 1KiB and its size.",
     OPTION_SIZE, FOR_REQUESTS, AT(batch.answer_bytes), .fallback = "0", .max = 64 * MIB},
    {"linger", "How long an event waits for others while a connection is free.", OPTION_DURATION,
     FOR_REQUESTS, AT(batch.linger_ms), .fallback = "50ms", .max = MINUTE_MS},
};

static const struct config_option rate[] = {
    {"requests", "Requests of this process, all workers together.", OPTION_RATE, FOR_REQUESTS,
     AT(rate.requests), .fallback = "1000/s", .max = 1000000},
    {"burst", "Requests that may be sent at once after a pause.", OPTION_COUNT, FOR_REQUESTS,
     AT(rate.burst), .fallback = "100", .min = 1, .max = 1000000},
    {"shared",
     "Whether the rate is for the whole consumer group. A process gets the share of its "
     "partitions.",
     OPTION_BOOL, FOR_REQUESTS, AT(rate.is_shared), .fallback = "true"},
};

static const struct config_option concurrency[] = {
    {"initial", "The limit at the start.", OPTION_COUNT, FOR_REQUESTS, AT(concurrency.initial),
     .fallback = "8", .min = 1, .max = 1024},
    {"max", "The upper bound; the limit adapts to the answers.", OPTION_COUNT, FOR_REQUESTS,
     AT(concurrency.max), .fallback = "64", .min = 1, .max = 1024},
};

static const struct config_option timeout[] = {
    {"connect", "Until the connection is established, TLS included.", OPTION_DURATION, FOR_REQUESTS,
     AT(timeout.connect_ms), .fallback = "2s", .min = 10, .max = 10 * MINUTE_MS},
    {"first_byte", "Until the first byte of the answer.", OPTION_DURATION, FOR_REQUESTS,
     AT(timeout.first_byte_ms), .fallback = "5s", .min = 10, .max = 10 * MINUTE_MS},
    {"total", "Until its last byte.", OPTION_DURATION, FOR_REQUESTS, AT(timeout.total_ms),
     .fallback = "10s", .min = 10, .max = 10 * MINUTE_MS},
};

static const struct config_option retry[] = {
    {"attempts", "Attempts in all, the first included.", OPTION_COUNT, FOR_REQUESTS,
     AT(retry.attempts), .fallback = "3", .min = 1, .max = 1000},
    {"backoff",
     "The wait before the next attempt: random, below a bound that doubles from FROM to TO.",
     OPTION_RANGE, FOR_REQUESTS, AT(retry.backoff_min_ms), AND(retry.backoff_max_ms),
     .fallback = "200ms..5s", .min = 1, .max = HOUR_MS},
    {"deadline", "After this time no further attempt is started.", OPTION_DURATION, FOR_REQUESTS,
     AT(retry.deadline_ms), .fallback = "30s", .min = 1, .max = 7 * DAY_MS},
    {"budget",
     "Retries as a share of all requests while more than a third of these fail. Beyond it a "
     "retry waits; at its deadline it takes the next destination of the chain.",
     OPTION_PERCENT, FOR_REQUESTS, AT(retry.budget), .fallback = "10%", .max = 100},
};

static const struct config_option throttle[] = {
    {"wait", "How long a throttled event waits.", OPTION_DURATION, FOR_REQUESTS,
     AT(throttle.wait_ms), .fallback = "30s", .max = DAY_MS},
    {"then", "What to do after that: take the next destination of the chain, or wait on.",
     OPTION_CHOICE, FOR_REQUESTS, AT(throttle.then), .choices = then_words, .fallback = "divert"},
};

/* The window's end is as much as health keeps of the past (WINDOW_S_MAX). */
static const struct config_option health[] = {
    {"window", "The length of the sliding window of results.", OPTION_DURATION, FOR_REQUESTS,
     AT(health.window_ms), .fallback = "30s", .min = SECOND_MS, .max = MINUTE_MS},
    {"minimum", "Requests in the window before its failure rate counts.", OPTION_COUNT,
     FOR_REQUESTS, AT(health.minimum), .fallback = "20", .min = 1, .max = 1000000},
    {"failures", "The failure rate that opens the circuit breaker.", OPTION_PERCENT, FOR_REQUESTS,
     AT(health.failures), .fallback = "50%", .min = 1, .max = 100},
    {"slow", "Answers slower than this count as slow.", OPTION_DURATION, FOR_REQUESTS,
     AT(health.slow_ms), .fallback = "5s", .min = 10, .max = 10 * MINUTE_MS},
    {"open", "How long the breaker stays open before a probe; it doubles from FROM to TO.",
     OPTION_RANGE, FOR_REQUESTS, AT(health.open_min_ms), AND(health.open_max_ms),
     .fallback = "5s..60s", .min = 100, .max = HOUR_MS},
};

static const struct config_option backfill[] = {
    {"from", "The kafka destination that holds the diverted events.", OPTION_TEXT, FOR_REQUESTS,
     AT(backfill.from)},
    {"rate", "The share of the destination's rate that backfill may use.", OPTION_PERCENT,
     FOR_REQUESTS, AT(backfill.rate), .fallback = "20%", .min = 1, .max = 100},
    {"max_age", "Older events are not delivered, but counted.", OPTION_DURATION, FOR_REQUESTS,
     AT(backfill.max_age_ms), .fallback = "46h", .min = MINUTE_MS, .max = 3650 * DAY_MS},
};

const struct config_section section_destination = {"destinations.*", "One destination.",
                                                   SECTION(destination)};
const struct config_section section_batch = {"destinations.*.batch", NULL, SECTION(batch)};
const struct config_section section_rate = {"destinations.*.rate", NULL, SECTION(rate)};
const struct config_section section_concurrency = {"destinations.*.concurrency", NULL,
                                                   SECTION(concurrency)};
const struct config_section section_timeout = {"destinations.*.timeout", NULL, SECTION(timeout)};
const struct config_section section_retry = {"destinations.*.retry", NULL, SECTION(retry)};
const struct config_section section_throttle = {"destinations.*.throttle", NULL, SECTION(throttle)};
const struct config_section section_health = {"destinations.*.health", NULL, SECTION(health)};
const struct config_section section_backfill = {"destinations.*.backfill", NULL, SECTION(backfill)};
