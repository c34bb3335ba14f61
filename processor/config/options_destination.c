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

static const char *const type_words[] = {"tiktok", "http", "kafka", NULL};
static const char *const source_words[] = {"web", "app", "offline", "crm", NULL};
static const char *const format_words[] = {"original", "utm", NULL};
static const char *const method_words[] = {"POST", "PUT", "PATCH", NULL};
static const char *const body_words[] = {"json", "ndjson", "array", NULL};
/* in the order of enum verdict */
static const char *const verdict_words[] = {"delivered", "rejected", "retry", "throttled",
                                            "hold",      "unknown",  NULL};
static const char *const then_words[] = {"divert", "wait", NULL};

static const struct config_option destination[] = {
    {"type", "What it is.", OPTION_CHOICE, FOR_ALL, true, AT(type), .choices = type_words},

    {"url", "Scheme and host of the Events API; a path only if it is another than theirs.",
     OPTION_TEXT, FOR_TIKTOK, AT(url), .fallback = "https://business-api.tiktok.com"},
    {"url", "Where requests go.", OPTION_TEXT, FOR_HTTP, true, AT(url)},
    {"ca_file", "Certificates (PEM) to verify it with, instead of the system's.", OPTION_FILE,
     FOR_SENDERS, AT(ca_file), .check = check_readable},
    {"allow_private",
     "Whether `url` may name, or its host resolve to, a loopback, link-local or private address, "
     "and "
     "use http. A loopback address written in `url` needs no such leave.",
     OPTION_BOOL, FOR_SENDERS, AT(is_private_allowed), .fallback = "false"},

    {"event_source", "What kind of source the events are.", OPTION_CHOICE, FOR_TIKTOK,
     AT(event_source), .choices = source_words, .fallback = "web"},
    {"event_source_id",
     "Pixel code, app id or event set id; {path: PATH} takes it from the event (an agency's many "
     "pixels).",
     OPTION_SPECIAL, FOR_TIKTOK, true, .form = "text, or {path: PATH}", .read = read_source_id},
    {"access_token", "The Events API's long-term token.", OPTION_SECRET, FOR_TIKTOK, true,
     AT(access_token)},
    {"test_event_code", "Sends everything to the Test Events tab instead.", OPTION_TEXT, FOR_TIKTOK,
     AT(test_event_code)},
    {"partner_name", "The integrator's label TikTok gave you, if any.", OPTION_TEXT, FOR_TIKTOK,
     AT(partner_name)},
    {"default_country",
     "Country (two letters) of phone numbers without a country code; without it they are left out.",
     OPTION_TEXT, FOR_TIKTOK, AT(default_country), .check = check_country},
    {"events", "Our event names to theirs; what is not listed keeps its name.", OPTION_SPECIAL,
     FOR_TIKTOK, .form = "map: our name to theirs", .read = read_event_names},
    {"map", "Their field to where it comes from; changes single fields of the default map.",
     OPTION_MAP, FOR_TIKTOK, AT(map)},
    {"codes", "Body code to verdict, over the default table: {50001: retry}.", OPTION_MAP,
     FOR_TIKTOK, AT(codes)},

    {"method", "The request's method.", OPTION_CHOICE, FOR_HTTP, AT(method),
     .choices = method_words, .fallback = "POST"},
    {"headers", "Request headers; a value is a text, {env: NAME} or {file: PATH}.", OPTION_SPECIAL,
     FOR_HTTP, .form = "map: name to value", .read = read_http_headers},
    {"auth", "How requests show who sends them: one of basic, bearer and hmac.", OPTION_SECTION,
     FOR_HTTP, .section = "destinations.*.auth", .is_null_refused = true},
    {"tls", "Certificates of its own for this destination.", OPTION_SECTION, FOR_HTTP,
     .section = "destinations.*.tls"},
    {"body",
     "What is sent of an event: a JSON object whose members are written as in `map`, nested as "
     "they should be; without it the whole event.",
     OPTION_MAP, FOR_HTTP, AT(body), .is_null_refused = true},
    {"format",
     "json: one event is one request; ndjson: one line each; array: one JSON array of all.",
     OPTION_CHOICE, FOR_HTTP, AT(body_format), .choices = body_words, .fallback = "json"},
    {"gzip", "Whether bodies are sent compressed.", OPTION_BOOL, FOR_HTTP, AT(is_gzip),
     .fallback = "false"},
    {"verdicts",
     "What an answer means; the first that fits wins, the rules of docs/delivery.md follow.",
     OPTION_SPECIAL, FOR_HTTP, .form = "list", .section = "destinations.*.verdicts[]",
     .read = read_verdicts},

    {"batch", "How events share a request.", OPTION_SECTION, FOR_SENDERS,
     .section = "destinations.*.batch"},
    {"rate", "The ceiling of requests.", OPTION_SECTION, FOR_SENDERS,
     .section = "destinations.*.rate"},
    {"concurrency", "Requests under way at a time, per worker.", OPTION_SECTION, FOR_SENDERS,
     .section = "destinations.*.concurrency"},
    {"timeout", "How long a request may take.", OPTION_SECTION, FOR_SENDERS,
     .section = "destinations.*.timeout"},
    {"retry", "What follows a transient failure.", OPTION_SECTION, FOR_SENDERS,
     .section = "destinations.*.retry"},
    {"throttle", "What follows when it asks for less.", OPTION_SECTION, FOR_SENDERS,
     .section = "destinations.*.throttle"},
    {"health", "When it counts as down.", OPTION_SECTION, FOR_SENDERS,
     .section = "destinations.*.health"},
    {"max_age", "Older events take the next destination in the chain; 0s: no limit.",
     OPTION_DURATION, FOR_TIKTOK, AT(max_age_ms), .fallback = "6d", .max = 3650 * DAY_MS},
    {"max_age", "Older events take the next destination in the chain; 0s: no limit.",
     OPTION_DURATION, FOR_HTTP, AT(max_age_ms), .fallback = "0s", .max = 3650 * DAY_MS},
    {"backfill", "How diverted events come back when it is healthy again.", OPTION_SECTION,
     FOR_SENDERS, .section = "destinations.*.backfill"},

    {"topic", "The topic.", OPTION_TEXT, FOR_KAFKA, true, AT(topic), .check = check_topics},
    {"format", "original: the same bytes; utm: the UtmAttribution record.", OPTION_CHOICE,
     FOR_KAFKA, AT(format), .choices = format_words, .fallback = "original"},
    {"utm",
     "For format utm, where its fields come from: landing_page, referrer, source, medium, "
     "campaign, term, content, id; changes single fields of the default.",
     OPTION_MAP, FOR_KAFKA, AT(utm)},
    {"headers", "`connect`: add Kafka Connect's __connect.errors.* headers as well.",
     OPTION_SPECIAL, FOR_KAFKA, .form = "connect", .read = read_kafka_headers},
    {"keep_timestamp",
     "Whether records keep the timestamp of the original. Without it they carry the time of "
     "writing, and the topic's retention counts from then.",
     OPTION_BOOL, FOR_KAFKA, AT(is_timestamp_kept), .fallback = "false"},
};

static const struct config_option batch[] = {
    {"events", "Events of one request.", OPTION_COUNT, FOR_TIKTOK, AT(batch.events),
     .fallback = "1000", .min = 1, .max = 1000},
    {"events", "Events of one request.", OPTION_COUNT, FOR_HTTP, AT(batch.events), .fallback = "1",
     .min = 1, .max = 10000},
    {"bytes", "Bytes of one request.", OPTION_SIZE, FOR_SENDERS, AT(batch.bytes),
     .fallback = "1MiB", .min = 16 * KIB, .max = 64 * MIB},
    {"answer_bytes",
     "Bytes of an answer's body that are read at most. 0: 64KiB, 1KiB for each event of the "
     "request, "
     "and as much as these events take.",
     OPTION_SIZE, FOR_SENDERS, AT(batch.answer_bytes), .fallback = "0", .max = 64 * MIB},
    {"linger", "How long an event waits for others while a connection is free.", OPTION_DURATION,
     FOR_SENDERS, AT(batch.linger_ms), .fallback = "50ms", .max = MINUTE_MS},
};

static const struct config_option rate[] = {
    {"requests", "Requests of this process, all workers together.", OPTION_RATE, FOR_SENDERS,
     AT(rate.requests), .fallback = "1000/s", .max = 1000000},
    {"burst", "Requests that may go at once after a pause.", OPTION_COUNT, FOR_SENDERS,
     AT(rate.burst), .fallback = "100", .min = 1, .max = 1000000},
    {"shared", "Whether the rate is the whole group's, split by the partitions held.", OPTION_BOOL,
     FOR_SENDERS, AT(rate.is_shared), .fallback = "true"},
};

static const struct config_option concurrency[] = {
    {"initial", "At the start.", OPTION_COUNT, FOR_SENDERS, AT(concurrency.initial),
     .fallback = "8", .min = 1, .max = 1024},
    {"max", "The most it adapts to.", OPTION_COUNT, FOR_SENDERS, AT(concurrency.max),
     .fallback = "64", .min = 1, .max = 1024},
};

static const struct config_option timeout[] = {
    {"connect", "Until the connection stands, TLS included.", OPTION_DURATION, FOR_SENDERS,
     AT(timeout.connect_ms), .fallback = "2s", .min = 10, .max = 10 * MINUTE_MS},
    {"first_byte", "Until the first byte of the answer.", OPTION_DURATION, FOR_SENDERS,
     AT(timeout.first_byte_ms), .fallback = "5s", .min = 10, .max = 10 * MINUTE_MS},
    {"total", "Until its last byte.", OPTION_DURATION, FOR_SENDERS, AT(timeout.total_ms),
     .fallback = "10s", .min = 10, .max = 10 * MINUTE_MS},
};

static const struct config_option retry[] = {
    {"attempts", "Tries in all, the first included.", OPTION_COUNT, FOR_SENDERS, AT(retry.attempts),
     .fallback = "3", .min = 1, .max = 1000},
    {"backoff", "The wait before the next try: drawn below a bound that doubles from FROM to TO.",
     OPTION_RANGE, FOR_SENDERS, AT(retry.backoff_min_ms), AND(retry.backoff_max_ms),
     .fallback = "200ms..5s", .min = 1, .max = HOUR_MS},
    {"deadline", "After this long no further try is begun.", OPTION_DURATION, FOR_SENDERS,
     AT(retry.deadline_ms), .fallback = "30s", .min = 1, .max = 7 * DAY_MS},
    {"budget",
     "Retries as a share of all requests, while more than a third of these fail; beyond it a retry "
     "waits for its turn, and takes the next in the chain when its deadline ends.",
     OPTION_PERCENT, FOR_SENDERS, AT(retry.budget), .fallback = "10%", .max = 100},
};

static const struct config_option throttle[] = {
    {"wait", "How long a throttled event waits for its turn.", OPTION_DURATION, FOR_SENDERS,
     AT(throttle.wait_ms), .fallback = "30s", .max = DAY_MS},
    {"then", "What happens after that: the next in the chain, or wait on.", OPTION_CHOICE,
     FOR_SENDERS, AT(throttle.then), .choices = then_words, .fallback = "divert"},
};

/* The window's end is as much as health keeps of the past (WINDOW_S_MAX). */
static const struct config_option health[] = {
    {"window", "The stretch of time that is judged.", OPTION_DURATION, FOR_SENDERS,
     AT(health.window_ms), .fallback = "30s", .min = SECOND_MS, .max = MINUTE_MS},
    {"minimum", "Requests in the window before its share of failures counts.", OPTION_COUNT,
     FOR_SENDERS, AT(health.minimum), .fallback = "20", .min = 1, .max = 1000000},
    {"failures", "The share of failures that opens an outage.", OPTION_PERCENT, FOR_SENDERS,
     AT(health.failures), .fallback = "50%", .min = 1, .max = 100},
    {"slow", "Answers slower than this count as slow.", OPTION_DURATION, FOR_SENDERS,
     AT(health.slow_ms), .fallback = "5s", .min = 10, .max = 10 * MINUTE_MS},
    {"open", "How long nothing is sent before a probe: doubles from FROM to TO.", OPTION_RANGE,
     FOR_SENDERS, AT(health.open_min_ms), AND(health.open_max_ms), .fallback = "5s..60s",
     .min = 100, .max = HOUR_MS},
};

static const struct config_option backfill[] = {
    {"from", "The kafka destination whose diverted events are delivered afterwards.", OPTION_TEXT,
     FOR_SENDERS, AT(backfill.from)},
    {"rate", "The share of the rate it may use.", OPTION_PERCENT, FOR_SENDERS, AT(backfill.rate),
     .fallback = "20%", .min = 1, .max = 100},
    {"max_age", "Older events are left out and counted.", OPTION_DURATION, FOR_SENDERS,
     AT(backfill.max_age_ms), .fallback = "46h", .min = MINUTE_MS, .max = 3650 * DAY_MS},
};

static const struct config_option auth[] = {
    {"basic", "User name and password.", OPTION_SECTION, FOR_ALL,
     .section = "destinations.*.auth.basic"},
    {"bearer", "A token, sent as `Authorization: Bearer`.", OPTION_SECRET, FOR_ALL,
     AT(auth.bearer)},
    {"hmac", "A signature of each body.", OPTION_SECTION, FOR_ALL,
     .section = "destinations.*.auth.hmac"},
};

static const struct config_option basic[] = {
    {"username", "Who.", OPTION_SECRET, FOR_ALL, AT(auth.basic.username)},
    {"password", "And the password.", OPTION_SECRET, FOR_ALL, AT(auth.basic.password)},
};

static const struct config_option hmac[] = {
    {"secret",
     "The key. Signed, by HMAC-SHA256, is the time in Unix seconds, a dot, and the body as it is "
     "sent.",
     OPTION_SECRET, FOR_ALL, AT(auth.hmac.secret)},
    {"header", "The header with the signature in lower-case hexadecimal.", OPTION_TEXT, FOR_ALL,
     AT(auth.hmac.header), .fallback = "X-Signature", .check = check_header_name},
    {"timestamp_header", "The header with that time.", OPTION_TEXT, FOR_ALL,
     AT(auth.hmac.timestamp_header), .fallback = "X-Timestamp", .check = check_header_name},
    {"prefix", "What stands before the signature.", OPTION_TEXT, FOR_ALL, AT(auth.hmac.prefix),
     .fallback = "sha256=", .check = check_name},
};

static const struct config_option tls[] = {
    {"ca_file", "Certificates (PEM) to verify it with; the same as `ca_file` of the destination.",
     OPTION_FILE, FOR_ALL, AT(tls.ca_file), .check = check_readable},
    {"certificate", "Our own certificate (PEM), its chain behind it.", OPTION_FILE, FOR_ALL,
     AT(tls.certificate), .check = check_identity},
    {"key", "Its private key (PEM), not encrypted.", OPTION_FILE, FOR_ALL, AT(tls.key),
     .check = check_identity},
};

#undef AT
#define AT(field) .offset = offsetof(struct config_verdict, field)

static const struct config_option verdict[] = {
    {"status", "Of the answer: 404, 2xx, 500..599, or a list of these.", OPTION_SPECIAL, FOR_ALL,
     AT(status), .form = "status, class, range or list", .read = read_node,
     .is_null_refused = true},
    {"header",
     "A header of the answer to what it holds, written as in `match`; all of them have to fit.",
     OPTION_MAP, FOR_ALL, AT(header), .is_null_refused = true},
    {"json",
     "A JSON pointer (/a/0/b) into the body to what stands there, written as in `match`; texts and "
     "numbers differ, null is missing; all of them have to fit.",
     OPTION_MAP, FOR_ALL, AT(json), .is_null_refused = true},
    {"is", "What such an answer means.", OPTION_CHOICE, FOR_ALL, AT(is), .is_required = true,
     .choices = verdict_words},
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
const struct config_section section_auth = {"destinations.*.auth", NULL, SECTION(auth)};
const struct config_section section_basic = {"destinations.*.auth.basic", NULL, SECTION(basic)};
const struct config_section section_hmac = {"destinations.*.auth.hmac", NULL, SECTION(hmac)};
const struct config_section section_tls = {"destinations.*.tls", NULL, SECTION(tls)};
const struct config_section section_verdict = {"destinations.*.verdicts[]", "One rule.",
                                               SECTION(verdict)};
