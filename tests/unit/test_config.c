/* A configuration file to a struct: the contract's example, defaults, and every error's place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "certificate.h"
#include "config/config.h"
#include "destinations/http/options.h"
#include "destinations/table.h"
#include "destinations/tiktok/options.h"

static char directory[] = "/tmp/detour-config-XXXXXX";
static char file[128];

static const char *const base_lines[] = {
    /* 1 */ "kafka:",
    /* 2 */ "  brokers: localhost:9092",
    /* 3 */ "  group: detour",
    /* 4 */ "  topics: [conversions]",
    /* 5 */ "schemas:",
    /* 6 */ "  directory: schemas",
    /* 7 */ "  framing: raw",
    /* 8 */ "  reader: com.example.ConversionEvent",
    /* 9 */ "destinations:",
    /* 10 */ "  tiktok:",
    /* 11 */ "    type: tiktok",
    /* 12 */ "    event_source_id: C1",
    /* 13 */ "    access_token: {env: DETOUR_TEST_TOKEN}",
    /* 14 */ "  utm:",
    /* 15 */ "    type: kafka",
    /* 16 */ "    topic: conversions.utm",
    /* 17 */ "    format: utm",
    /* 18 */ "  dead-letter:",
    /* 19 */ "    type: kafka",
    /* 20 */ "    topic: conversions.dead-letter",
    /* 21 */ "routes:",
    /* 22 */ "  - name: everything",
    /* 23 */ "    match: {}",
    /* 24 */ "    legs: [[tiktok, utm]]",
    /* 25 */ "dead_letter: dead-letter",
};
enum { BASE_LINES = COUNT_OF(base_lines), END = BASE_LINES + 1 };

static void write_text(const char *path, struct span text)
{
    FILE *out = fopen(path, "wb");

    assert_non_null(out);
    assert_int_equal(fwrite(text.ptr, 1, text.len, out), text.len);
    assert_int_equal(fclose(out), 0);
}

/* The base with line @line replaced by @text (END: added). */
static struct config *load_changed(unsigned line, const char *text, struct diags *diags)
{
    struct buf whole;
    struct config *config;

    buf_init(&whole, 1024 * 1024);
    for (unsigned i = 1; i <= END; i++) {
        const char *chosen = i == line ? text : i == END ? "" : base_lines[i - 1];

        buf_add_text(&whole, chosen);
        buf_add_char(&whole, '\n');
    }
    write_text(file, buf_span(&whole));
    buf_fini(&whole);
    config = config_load(file, driver_types(), diags);
    return config;
}

struct bad_case {
    const char *name;
    unsigned replaced; /* line of the base */
    const char *text;
    unsigned line, column;
    const char *part; /* of the first error */
};

static const struct bad_case structure_cases[] = {
    {"a misspelled key at the top", END, "worker: 2", 26, 1,
     "unknown key \"worker\"; did you mean workers?"},
    {"a misspelled key in a section", 2, "  borkers: localhost:9092\n  brokers: x", 2, 3,
     "unknown key \"borkers\" in kafka; did you mean brokers?"},
    {"a key like no other", END, "zzzzzzzz: 1", 26, 1, "unknown key \"zzzzzzzz\""},
    {"a misspelled key of a destination", 12, "    event_source_id: C1\n    acess_token: x", 13, 5,
     "unknown key \"acess_token\" in destinations.*; did you mean access_token?"},
    {"a misspelled key further down", 12, "    event_source_id: C1\n    batch: {evnts: 5}", 13, 13,
     "unknown key \"evnts\" in destinations.*.batch; did you mean events?"},
    {"a misspelled key of a route", 23, "    mach: {}", 23, 5,
     "unknown key \"mach\" in routes[]; did you mean match?"},
    {"a key of another type", 16, "    topic: t\n    access_token: x", 17, 5,
     "\"access_token\" belongs to destinations of type tiktok; this one is of type kafka"},
    {"a key of two other types", 16, "    topic: t\n    batch: {}", 17, 5,
     "\"batch\" belongs to destinations of type tiktok and http; this one is of type kafka"},
    {"kafka's key in tiktok", 12, "    event_source_id: C1\n    topic: x", 13, 5,
     "\"topic\" belongs to destinations of type kafka; this one is of type tiktok"},
    {"a section that is a text", 5, "in_flight: many\nschemas:", 5, 12,
     "in_flight wants a map of keys and values, not a single value"},
    {"a section that is a list", 5, "in_flight: [1]\nschemas:", 5, 12,
     "in_flight wants a map of keys and values, not a list"},
    {"a missing section", 25, "", 1, 1, "dead_letter is missing"},
    {"a missing option", 2, "", 1, 1, "kafka.brokers is missing"},
    {"an option that is null", 2, "  brokers: null", 2, 12, "kafka.brokers is missing"},
    {"an option that is empty", 2, "  brokers: ''", 2, 12, "kafka.brokers is empty"},
    {"a missing topic of a destination", 16, "", 14, 3, "topic is missing"},
    {"a missing token", 13, "", 10, 3, "access_token is missing"},
    {"a missing source id", 12, "", 10, 3, "event_source_id is missing"},
    {"a missing name", 22, "  -", 23, 5, "name is missing"},
    {"destinations as a list", 9, "destinations: [a]\nx:", 9, 15,
     "destinations wants a map of keys and values, not a list"},
    {"routes as a map", 21, "routes: {a: b}\nx:", 21, 9, "routes wants a list, not a map"},
    {"a missing type", 11, "", 10, 3, "type is missing"},
    {"an unknown type", 11, "    type: tictoc", 11, 11,
     "type is \"tictoc\"; it can be tiktok, http, kafka; did you mean tiktok?"},
    {"a broken variable is one error", 2, "  brokers: ${DETOUR_TEST_UNSET}", 2, 12,
     "environment variable DETOUR_TEST_UNSET is not set"},
};

static const struct bad_case value_cases[] = {
    {"not a number", END, "workers: two", 26, 10, "workers wants a whole number, not \"two\""},
    {"a fraction", END, "workers: 1.5", 26, 10, "workers wants a whole number"},
    {"no workers", END, "workers: 0", 26, 10, "workers must be within 1..256, not \"0\""},
    {"too many workers", END, "workers: 257", 26, 10, "workers must be within 1..256"},
    {"more than 64 bits", END, "workers: 99999999999999999999", 26, 10,
     "workers must be within 1..256, not \"99999999999999999999\""},
    {"a rate past its bound", 13,
     "    access_token: {env: DETOUR_TEST_TOKEN}\n    rate: {requests: 2000000/s}", 14, 22,
     "rate.requests must be within more than 0/s..1000000/s"},
    {"a broker that is a URL", 2, "  brokers: http://x", 2, 12, "\"http://x\" is no HOST:PORT"},
    {"an empty broker", 2, "  brokers: 'a:1,,b:2'", 2, 12, "\"\" is no HOST:PORT"},
    {"a broker's port", 2, "  brokers: 'a:1, b:xx'", 2, 12, "\"b:xx\" is no HOST:PORT"},
    {"a port out of range", 2, "  brokers: 'a:65536'", 2, 12, "is no HOST:PORT"},
    {"a list for a number", END, "workers: [2]", 26, 10,
     "workers wants a whole number, not a list"},
    {"a size without sense", END, "in_flight: {bytes: lots}", 26, 20,
     "in_flight.bytes wants a size such as 64KiB or 1MiB, not \"lots\""},
    {"a size too small", END, "in_flight: {bytes: 1KiB}", 26, 20,
     "in_flight.bytes must be within 1MiB..1024GiB, not \"1KiB\""},
    {"a duration without unit", END, "shutdown: {drain: 20}", 26, 19,
     "shutdown.drain wants a duration such as 200ms, 30s, 5m, 2h or 6d, not \"20\""},
    {"a duration too long", END, "shutdown: {drain: 1h}", 26, 19,
     "shutdown.drain must be within 0s..10m"},
    {"a rate without unit", 13,
     "    access_token: {env: DETOUR_TEST_TOKEN}\n    rate: {requests: 5}", 14, 22,
     "rate.requests wants a rate such as 10/s or 600/m, not \"5\""},
    {"a rate of nothing", 13,
     "    access_token: {env: DETOUR_TEST_TOKEN}\n    rate: {requests: 0/s}", 14, 22,
     "rate.requests wants a rate"},
    {"a percentage without sign", 13,
     "    access_token: {env: DETOUR_TEST_TOKEN}\n    retry: {budget: 10}", 14, 21,
     "retry.budget wants a percentage such as 20%, not \"10\""},
    {"a range that is one duration", 13,
     "    access_token: {env: DETOUR_TEST_TOKEN}\n    retry: {backoff: 5s}", 14, 22,
     "retry.backoff wants a range of durations such as 200ms..5s"},
    {"a range that runs backwards", 13,
     "    access_token: {env: DETOUR_TEST_TOKEN}\n    retry: {backoff: 5s..200ms}", 14, 22,
     "retry.backoff: the range runs backwards"},
    {"a range out of bounds", 13,
     "    access_token: {env: DETOUR_TEST_TOKEN}\n    retry: {backoff: 0s..5s}", 14, 22,
     "retry.backoff must be within 1ms..1h"},
    {"a window longer than health keeps", 13,
     "    access_token: {env: DETOUR_TEST_TOKEN}\n    health: {window: 61s}", 14, 22,
     "health.window must be within 1s..1m, not \"61s\""},
    {"a word that is no boolean", 13,
     "    access_token: {env: DETOUR_TEST_TOKEN}\n    allow_private: maybe", 14, 20,
     "allow_private wants true or false, not \"maybe\""},
    {"a quoted boolean", 13,
     "    access_token: {env: DETOUR_TEST_TOKEN}\n    allow_private: \"true\"", 14, 20,
     "allow_private wants true or false"},
    {"a misspelled choice", 7, "  framing: conflunt", 7, 12,
     "schemas.framing is \"conflunt\"; it can be confluent, single-object, raw; did you mean "
     "confluent?"},
    {"no topics", 4, "  topics: []", 4, 11, "kafka.topics is empty: list at least one"},
    {"a topic pattern", 4, "  topics: [^conv.*]", 4, 12, "cannot be a topic's name"},
    {"a topic listed twice", 4, "  topics: [a, b, a]", 4, 18, "topic \"a\" is listed twice"},
    {"a bad topic of a destination", 16, "    topic: a b", 16, 12, "cannot be a topic's name"},
    {"a country that is none", 13,
     "    access_token: {env: DETOUR_TEST_TOKEN}\n    default_country: Germany", 14, 22,
     "is not a country: two letters"},
    {"a file that is not there", 13,
     "    access_token: {env: DETOUR_TEST_TOKEN}\n    ca_file: ca.pem", 14, 14,
     "/ca.pem cannot be read: No such file"},
    {"an id that is no number", 8, "  reader: x\n  ids: {one: a.avsc}", 9, 9,
     "\"one\" is not a registry id"},
    {"a negative id", 8, "  reader: x\n  ids: {-1: a.avsc}", 9, 9, "\"-1\" is not a registry id"},
    {"two ids that are one", 8, "  reader: x\n  ids: {1: a.avsc, 01: b.avsc}", 9, 20,
     "registry id 1 is listed twice"},
    {"a reader map of nothing", 8, "  reader: {}", 8, 11, "schemas.reader is empty"},
    {"a registry without url", 8, "  reader: x\n  registry: {timeout: 5s}", 9, 13,
     "schemas.registry.url is missing"},
    {"a registry url", 8, "  reader: x\n  registry: {url: registry:8081}", 9, 19,
     "schemas.registry.url: a URL begins with https:// (or http://)"},
    {"the second of registry urls", 8, "  reader: x\n  registry: {url: [http://a, ftp://b]}", 9, 30,
     "schemas.registry.url: a URL begins"},
    {"a registry user without password", 8,
     "  reader: x\n  registry: {url: http://a, username: {env: DETOUR_TEST_TOKEN}}", 9, 13,
     "username and password, or neither"},
    {"an event type of another form", END, "event: {type: {record: fullname}}", 26, 15,
     "event.type wants path, or {record: name}"},
    {"where to listen", END, "admin: {listen: 8080}", 26, 17,
     "admin.listen wants HOST:PORT such as 127.0.0.1:8080"},
    {"a port out of range", END, "admin: {listen: 'localhost:70000'}", 26, 17,
     "admin.listen wants HOST:PORT"},
    {"a switch that is no switch", END, "ledger: maybe", 26, 9,
     "ledger wants a map of its options, or off"},
    {"an alert without a reason", END, "alerts: [{webhook: {env: DETOUR_TEST_TOKEN}}]", 26, 10,
     "on is missing"},
    {"an alert for something else", END,
     "alerts: [{webhook: {env: DETOUR_TEST_TOKEN}, on: [outage_open]}]", 26, 51,
     "nobody is told of \"outage_open\""},
};

static const struct bad_case secret_cases[] = {
    {"a variable that is not set", 13, "    access_token: {env: DETOUR_TEST_UNSET}", 13, 25,
     "access_token: environment variable DETOUR_TEST_UNSET is not set"},
    {"a file that is not there", 13, "    access_token: {file: tokn}", 13, 26,
     "/tokn cannot be read: No such file"},
    {"a misspelled source", 13, "    access_token: {fil: token}", 13, 20,
     "unknown key \"fil\": access_token wants {env: NAME} or {file: PATH}; did you mean file?"},
    {"two sources", 13, "    access_token: {env: A, file: b}", 13, 19,
     "access_token wants either {env: NAME} or {file: PATH}"},
    {"a list", 13, "    access_token: [a]", 13, 19,
     "access_token wants {env: NAME} or {file: PATH}"},
    {"two lines", 13, "    access_token: \"a\\nb\"", 13, 19, "holds a line end"},
    {"a token of a map", 13, "    access_token: {env: {a: b}}", 13, 25,
     "access_token wants a variable's name, not a map"},
};

static const struct bad_case url_cases[] = {
    {"http", 13, "    access_token: {env: DETOUR_TEST_TOKEN}\n    url: http://example.com", 14, 10,
     "url wants https://"},
    {"a host that only looks local", 13,
     "    access_token: {env: DETOUR_TEST_TOKEN}\n    url: http://127.0.0.1.example.com", 14, 10,
     "url wants https://"},
    {"another scheme", 13, "    access_token: {env: DETOUR_TEST_TOKEN}\n    url: ftp://example.com",
     14, 10, "a URL begins with https:// (or http://)"},
    {"no scheme", 13, "    access_token: {env: DETOUR_TEST_TOKEN}\n    url: example.com", 14, 10,
     "a URL begins with https://"},
    {"no host", 13, "    access_token: {env: DETOUR_TEST_TOKEN}\n    url: https:///path", 14, 10,
     "a URL names a host"},
    {"a bad port", 13, "    access_token: {env: DETOUR_TEST_TOKEN}\n    url: https://a:99999/", 14,
     10, "a URL names a host"},
    {"a password", 13, "    access_token: {env: DETOUR_TEST_TOKEN}\n    url: https://u:p@a/", 14,
     10, "no user or password in a URL"},
    {"a fragment", 13, "    access_token: {env: DETOUR_TEST_TOKEN}\n    url: https://a/#b", 14, 10,
     "no #fragment"},
    {"a space", 13, "    access_token: {env: DETOUR_TEST_TOKEN}\n    url: https://a/b c", 14, 10,
     "no spaces"},
    {"a private address", 13,
     "    access_token: {env: DETOUR_TEST_TOKEN}\n    url: https://10.0.0.5/", 14, 10,
     "\"10.0.0.5\", which is not an address of the public Internet: if requests are to go there, "
     "write allow_private: true"},
    {"where clouds keep credentials", 13,
     "    access_token: {env: DETOUR_TEST_TOKEN}\n    url: https://169.254.169.254/", 14, 10,
     "write allow_private: true"},
    {"one of an IPv6 network", 13,
     "    access_token: {env: DETOUR_TEST_TOKEN}\n    url: https://[fd00::1]:8443/", 14, 10,
     "\"fd00::1\", which is not an address of the public Internet"},
    {"one behind NAT64", 13,
     "    access_token: {env: DETOUR_TEST_TOKEN}\n    url: https://[64:ff9b::a00:5]/", 14, 10,
     "write allow_private: true"},
    {"one that is not said to be allowed", 13,
     "    access_token: {env: DETOUR_TEST_TOKEN}\n    allow_private: false\n    url: "
     "http://192.168.1.1",
     15, 10, "write allow_private: true"},
    {"one of type http", 13,
     "    access_token: {env: DETOUR_TEST_TOKEN}\n  hook:\n    type: http\n    url: "
     "https://0.0.0.0/",
     16, 10, "write allow_private: true"},
};

/* In place of line 13; what follows stands in line 17. */
#define HTTP                                                                                       \
    "    access_token: {env: DETOUR_TEST_TOKEN}\n"                                                 \
    "  hook:\n    type: http\n    url: https://h.example\n"

static const struct bad_case http_cases[] = {
    {"a method that has no body", 13, HTTP "    method: GET", 17, 13,
     "method is \"GET\"; it can be POST, PUT, PATCH"},
    {"an unknown format", 13, HTTP "    format: jsonl", 17, 13,
     "format is \"jsonl\"; it can be json, ndjson, array"},
    {"a batch of single events", 13, HTTP "    batch: {events: 5}", 17, 21,
     "format: json sends one event a request"},
    {"an empty auth", 13, HTTP "    auth: {}", 17, 11, "exactly one of basic, bearer and hmac"},
    {"two ways of auth", 13,
     HTTP "    auth: {bearer: {env: DETOUR_TEST_TOKEN}, hmac: {secret: {env: DETOUR_TEST_TOKEN}}}",
     17, 11, "exactly one of basic, bearer and hmac"},
    {"a misspelled auth", 13, HTTP "    auth: {baerer: x}", 17, 11,
     "exactly one of basic, bearer and hmac"},
    {"no password", 13, HTTP "    auth: {basic: {username: {env: DETOUR_TEST_TOKEN}}}", 17, 19,
     "auth.basic.password is missing"},
    {"no user name", 13, HTTP "    auth: {basic: {password: {env: DETOUR_TEST_TOKEN}}}", 17, 19,
     "auth.basic.username is missing"},
    {"a colon in the user name", 13,
     HTTP "    auth: {basic: {username: 'a:b', password: {env: DETOUR_TEST_TOKEN}}}", 17, 19,
     "auth.basic.username holds a colon"},
    {"no secret", 13, HTTP "    auth: {hmac: {header: X-S}}", 17, 18,
     "auth.hmac.secret is missing"},
    {"a bad header of the signature", 13,
     HTTP "    auth: {hmac: {secret: {env: DETOUR_TEST_TOKEN}, header: 'X S'}}", 17, 61,
     "\"X S\" cannot be a header's name"},
    {"one header for both", 13,
     HTTP "    auth: {hmac: {secret: {env: DETOUR_TEST_TOKEN}, header: x-timestamp}}", 17, 18,
     "cannot share one header"},
    {"Authorization twice", 13,
     HTTP "    auth: {bearer: {env: DETOUR_TEST_TOKEN}}\n"
          "    headers: {authorization: {env: DETOUR_TEST_TOKEN}}",
     18, 15, "header \"authorization\" cannot be set here: it comes from auth"},
    {"the signature's header", 13,
     HTTP "    auth: {hmac: {secret: {env: DETOUR_TEST_TOKEN}}}\n    headers: {x-signature: a}", 18,
     15, "header \"x-signature\" cannot be set here: it comes from auth"},
    {"a header of the connection", 13, HTTP "    headers: {content-length: 5}", 17, 15,
     "it belongs to the connection"},
    {"the encoding", 13, HTTP "    headers: {Content-Encoding: gzip}", 17, 15,
     "it comes from gzip"},
    {"a header twice", 13, HTTP "    headers: {X-A: a, x-a: b}", 17, 23,
     "header \"x-a\" is listed twice"},
    {"a certificate without its key", 13, HTTP "    tls: {certificate: schemas}", 17, 10,
     "tls wants certificate and key, or neither"},
    {"a certificate file that is not there", 13, HTTP "    tls: {certificate: none, key: none}", 17,
     24, "cannot be read"},
    {"a certificate without TLS", 13,
     "    access_token: {env: DETOUR_TEST_TOKEN}\n"
     "  hook:\n    type: http\n    url: http://127.0.0.1:1\n"
     "    tls: {certificate: schemas, key: schemas}",
     17, 10, "no meaning without https"},
    {"two files of authorities", 13, HTTP "    ca_file: schemas\n    tls: {ca_file: schemas}", 18,
     10, "are the same option"},
    {"rules that are a map", 13, HTTP "    verdicts: {status: 2xx}", 17, 15,
     "verdicts wants a list, not a map"},
    {"a rule that is a text", 13, HTTP "    verdicts: [retry]", 17, 16,
     "destinations.*.verdicts[] wants a map"},
    {"a rule without a verdict", 13, HTTP "    verdicts: [{status: 2xx}]", 17, 16,
     "verdicts[].is is missing"},
    {"a rule with a misspelled key", 13, HTTP "    verdicts: [{statsu: 2xx, is: retry}]", 17, 17,
     "unknown key \"statsu\" in destinations.*.verdicts[]; did you mean status?"},
    {"a rule with an unknown verdict", 13, HTTP "    verdicts: [{status: 2xx, is: deliverd}]", 17,
     34, "did you mean delivered?"},
    {"http's key in kafka", 16, "    topic: t\n    verdicts: []", 17, 5,
     "\"verdicts\" belongs to destinations of type http; this one is of type kafka"},
};

static const struct bad_case meaning_cases[] = {
    {"an unknown destination", 24, "    legs: [[tiktock, utm]]", 24, 13,
     "there is no destination \"tiktock\"; did you mean tiktok?"},
    {"a leg that is a text", 24, "    legs: [tiktok]", 24, 12, "a leg is a list of destinations"},
    {"legs that are a text", 24, "    legs: tiktok", 24, 11,
     "legs wants a list, not a single value"},
    {"no legs", 24, "    legs: []", 24, 11, "legs holds 0 legs; it wants 1 to 16"},
    {"an empty leg", 24, "    legs: [[]]", 24, 12, "a leg names 0 destinations; it wants 1 to 8"},
    {"a destination twice", 24, "    legs: [[tiktok, tiktok]]", 24, 21,
     "destination \"tiktok\" stands in this leg twice"},
    {"the dead letter in a leg", 24, "    legs: [[tiktok, utm, dead-letter]]", 24, 12,
     "\"dead-letter\" is the dead letter, the end of every chain by itself"},
    {"legs and drop", 24, "    legs: [[tiktok, utm]]\n    drop: x", 22, 5,
     "a route has either legs or drop, not both"},
    {"neither", 24, "", 22, 5, "a route needs legs"},
    {"a name twice", 24, "    legs: [[tiktok, utm]]\n  - {name: everything, match: {}, drop: x}",
     25, 5, "route name \"everything\" is taken by the route in line 22"},
    {"a name with a line end", 22, "  - name: \"a\\nb\"", 22, 11, "cannot be a name"},
    {"no routes", 21, "routes: []\nx:", 21, 9, "routes is empty"},
    {"an unknown dead letter", 25, "dead_letter: dead-leter", 25, 14,
     "there is no destination \"dead-leter\"; did you mean dead-letter?"},
    {"a dead letter of another type", 25, "dead_letter: tiktok", 25, 14,
     "dead_letter must be a destination of type kafka; \"tiktok\" is not"},
    {"a dead letter of another format", 25, "dead_letter: utm", 25, 14,
     "dead_letter keeps the original bytes"},
    {"a topic in a circle", 16, "    topic: conversions", 16, 12,
     "topic \"conversions\" is a source topic as well"},
    {"a ledger in a circle", END, "ledger: {topic: conversions}", 26, 9,
     "ledger topic \"conversions\" is a source topic"},
    {"a ledger among diverted events", END, "ledger: {topic: conversions.utm}", 26, 9,
     "ledger topic \"conversions.utm\" is the topic of destination \"utm\" as well"},
    {"utm without its format", 20, "    topic: d\n    utm: {source: a}", 21, 10,
     "utm has no meaning with format: original"},
    {"kafka headers", 20, "    topic: d\n    headers: {a: b}", 21, 14, "can only be `connect`"},
    {"backfill from nowhere", 13,
     "    access_token: {env: DETOUR_TEST_TOKEN}\n    backfill: {from: utn}", 14, 22,
     "there is no destination \"utn\"; did you mean utm?"},
    {"backfill from a sender", 13,
     "    access_token: {env: DETOUR_TEST_TOKEN}\n    backfill: {from: tiktok}", 14, 22,
     "backfill.from must be a destination of type kafka"},
    {"backfill from the dead letter", 13,
     "    access_token: {env: DETOUR_TEST_TOKEN}\n    backfill: {from: dead-letter}", 14, 22,
     "backfill.from cannot be the dead letter"},
    {"more at first than ever", 13,
     "    access_token: {env: DETOUR_TEST_TOKEN}\n    concurrency: {initial: 9, max: 8}", 14, 28,
     "concurrency.initial (9) is more than concurrency.max (8)"},
    {"longer to connect than in all", 13,
     "    access_token: {env: DETOUR_TEST_TOKEN}\n    timeout: {connect: 20s}", 14, 24,
     "timeout.connect is longer than timeout.total"},
    {"longer to the first byte than in all", 13,
     "    access_token: {env: DETOUR_TEST_TOKEN}\n    timeout: {total: 3s}", 14, 14,
     "timeout.first_byte is longer than timeout.total"},
    {"a destination's name", 14, "  \"a b\":\n    type: kafka\n    topic: x\n  utm:", 14, 3,
     "cannot be a destination's name"},
};

static const struct bad_case property_cases[] = {
    {"ours", 4, "  topics: [a]\n  properties: {enable.auto.commit: true}", 5, 16,
     "kafka.properties cannot set enable.auto.commit: only settled offsets may be committed"},
    {"the group", 4, "  topics: [a]\n  properties: {group.id: x}", 5, 16,
     "cannot set group.id: kafka.group says it"},
    {"foreign code", 4, "  topics: [a]\n  properties: {plugin.library.paths: x.so}", 5, 16,
     "cannot set plugin.library.paths: it loads foreign code"},
    {"unverified", 4, "  topics: [a]\n  properties: {enable.ssl.certificate.verification: false}",
     5, 16, "cannot set enable.ssl.certificate.verification to false"},
    {"unverified by another name", 4,
     "  topics: [a]\n  properties: {ssl.endpoint.identification.algorithm: none}", 5, 16,
     "cannot set ssl.endpoint.identification.algorithm to none"},
    {"a misspelled one", 4, "  topics: [a]\n  properties: {fetch.min.byte: 5}", 5, 16,
     "No such configuration property: \"fetch.min.byte\""},
    {"a bad value", 4, "  topics: [a]\n  properties: {fetch.min.bytes: many}", 5, 16,
     "kafka.properties: Invalid value"},
    {"a TLS file that is not there", 4,
     "  topics: [a]\n  properties: {ssl.ca.location: nofile.pem}", 5, 33,
     "/nofile.pem cannot be read: No such file"},
    {"a keystore that is not there", 4,
     "  topics: [a]\n  properties: {ssl.keystore.location: /nowhere/x.p12}", 5, 39,
     "ssl.keystore.location: /nowhere/x.p12 cannot be read"},
    {"a TLS file that holds something else", 4,
     "  topics: [a]\n  properties: {security.protocol: SSL, ssl.ca.location: token}", 5, 40,
     "no TLS with these: ssl.ca.location failed"},
    {"a key that is none", 4,
     "  topics: [a]\n  properties: {security.protocol: SASL_SSL, ssl.key.pem: {file: token}}", 5,
     45, "no TLS with these: ssl.key.pem failed"},
    {"a missing password", 4,
     "  topics: [a]\n  properties: {sasl.password: {env: DETOUR_TEST_UNSET}}", 5, 37,
     "environment variable DETOUR_TEST_UNSET is not set"},
};

/* Leaving these out means something, and writing nothing behind them would mean the same. */
static const struct bad_case null_cases[] = {
    {"legs", 24, "    legs:", 24, 10, "legs is empty"},
    {"legs beside drop", 24, "    legs: ~\n    drop: x", 24, 11, "legs is empty"},
    {"drop", 24, "    drop: null", 24, 11, "drop is empty"},
    {"match", 23, "    match:", 23, 11, "match is empty"},
    {"the status of an answer", 13, HTTP "    verdicts: [{status: , is: delivered}]", 17, 25,
     "status is empty"},
    {"a header of an answer", 13, HTTP "    verdicts: [{header: ~, is: delivered}]", 17, 25,
     "header is empty"},
    {"the body of an answer", 13, HTTP "    verdicts: [{status: 2xx, json: , is: delivered}]", 17,
     36, "json is empty"},
    {"how a request shows who sends it", 13, HTTP "    auth:", 17, 10, "auth is empty"},
    {"what is sent", 13, HTTP "    body: null", 17, 11, "body is empty"},
    {"half of a registry's credentials", 8,
     "  reader: x\n  registry: {url: http://a, username: , password: {env: DETOUR_TEST_TOKEN}}", 9,
     13, "username and password, or neither"},
};

static void check_cases(const struct bad_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct bad_case *row = &cases[i];
        const struct diag *first = NULL;
        struct diags diags;
        struct config *config;

        diags_init(&diags);
        config = load_changed(row->replaced, row->text, &diags);
        for (size_t k = 0; k < diags.count; k++) {
            const struct diag *diag = &diags.items[k];

            if (diag->level == DIAG_ERROR && first == NULL) {
                first = diag;
            }
            if (diag->level == DIAG_ERROR && diag->place.line == row->line &&
                diag->place.column == row->column && strstr(diag->message, row->part) != NULL) {
                first = diag; /* one mistake can have other consequences as well */
                break;
            }
        }
        if (config != NULL || first == NULL) {
            fail_msg("%s: loaded", row->name);
        }
        if (strcmp(first->place.file, file) != 0 || first->place.line != row->line ||
            first->place.column != row->column || strstr(first->message, row->part) == NULL) {
            fail_msg("%s: %u:%u: %s", row->name, first->place.line, first->place.column,
                     first->message);
        }
        diags_fini(&diags);
    }
}

static void structure_errors_have_their_place(void **state)
{
    (void)state;
    check_cases(structure_cases, COUNT_OF(structure_cases));
}

static void value_errors_have_their_place(void **state)
{
    (void)state;
    check_cases(value_cases, COUNT_OF(value_cases));
}

static void secret_errors_have_their_place(void **state)
{
    (void)state;
    check_cases(secret_cases, COUNT_OF(secret_cases));
}

static void url_errors_have_their_place(void **state)
{
    (void)state;
    check_cases(url_cases, COUNT_OF(url_cases));
}

static void what_is_wrong_with_http_destinations_is_said(void **state)
{
    (void)state;
    check_cases(http_cases, COUNT_OF(http_cases));
}

static void meaning_errors_have_their_place(void **state)
{
    (void)state;
    check_cases(meaning_cases, COUNT_OF(meaning_cases));
}

static void property_errors_have_their_place(void **state)
{
    (void)state;
    check_cases(property_cases, COUNT_OF(property_cases));
}

static void a_condition_without_its_value_is_told(void **state)
{
    (void)state;
    check_cases(null_cases, COUNT_OF(null_cases));
}

static void a_root_that_is_no_map_is_told(void **state)
{
    static const char *const texts[] = {"- kafka\n", "kafka\n", "null\n"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct diags diags;

        diags_init(&diags);
        write_text(file, span_of(texts[i]));
        assert_null(config_load(file, driver_types(), &diags));
        assert_int_not_equal(diags.error_count, 0);
        assert_int_equal(diags.items[0].place.line, 1);
        assert_null(config_load_partial(file, driver_types(), SECRETS_NEEDED, &diags));
        diags_fini(&diags);
    }
}

/* Errors that are not the first still come, and a slip brings no errors that are not there. */
static void all_errors_come_at_once(void **state)
{
    struct diags diags;

    (void)state;
    diags_init(&diags);
    assert_null(load_changed(4,
                             "  topics: [bad topic]\n"
                             "  on_gap: stop\n"
                             "worker: 2\n"
                             "workers: none\n"
                             "in_flight: {bytes: \"${DETOUR_TEST_UNSET:-1}\", event: 5}\n"
                             "log: {level: loud}",
                             &diags));
    assert_int_equal(diags.error_count, 7);
    diags_fini(&diags);
}

static const struct {
    const char *name;
    unsigned replaced;
    const char *text;
    unsigned line, column;
    const char *part; /* of the only warning; NULL: none */
} warning_cases[] = {
    {"nothing to say", END, "", 0, 0, NULL},
    {"defaults are no warnings", END, "alerts: null\nledger:\nadmin: off", 0, 0, NULL},
    {"brokers of all forms", 2, "  brokers: 'a, b.c:9092, [::1]:9092 ,SASL_SSL://d:1'", 0, 0, NULL},
    {"a token in the file", 13, "    access_token: not-so-secret", 13, 19,
     "access_token stands in the file as plain text"},
    {"a token from a variable", 13, "    access_token: ${DETOUR_TEST_TOKEN}", 0, 0, NULL},
    {"a destination nobody uses", 24, "    legs: [[tiktok]]", 14, 3,
     "no route uses destination \"utm\""},
    {"a token for all to read", 13, "    access_token: {file: open-token}", 13, 26,
     "can be read by everybody"},
    {"a token for all to write", 13, "    access_token: {file: loose-token}", 13, 26,
     "can be written by everybody"},
    {"framing with a registry that is null", 7, "  framing: confluent\n  registry:", 6, 3,
     "every event would be schema_unknown"},
    {"framing without ids", 7, "  framing: confluent", 6, 3, "every event would be schema_unknown"},
    {"a registry's password in the open", 8,
     "  reader: x\n  registry: {url: http://registry:8081, username: {env: DETOUR_TEST_TOKEN}, "
     "password: {env: DETOUR_TEST_TOKEN}}",
     9, 13, "the registry's password goes over the network in the open"},
    {"a registry's password on this machine", 8,
     "  reader: x\n  registry: {url: http://localhost:8081, username: {env: DETOUR_TEST_TOKEN}, "
     "password: {env: DETOUR_TEST_TOKEN}}",
     0, 0, NULL},
    {"a plain password", 4, "  topics: [a]\n  properties: {sasl.password: x}", 5, 31,
     "a property stands in the file as plain text"},
};

static void warnings_are_no_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(warning_cases); i++) {
        struct diags diags;
        struct config *config;
        const struct diag *found;

        diags_init(&diags);
        config = load_changed(warning_cases[i].replaced, warning_cases[i].text, &diags);
        found = diags.count == 0 ? NULL : &diags.items[0];
        if (config == NULL || diags.count != (warning_cases[i].part != NULL ? 1 : 0)) {
            fail_msg("%s: %zu remarks, %s", warning_cases[i].name, diags.count,
                     found == NULL ? "none" : found->message);
        }
        if (found != NULL &&
            (found->level != DIAG_WARNING || found->place.line != warning_cases[i].line ||
             found->place.column != warning_cases[i].column ||
             strstr(found->message, warning_cases[i].part) == NULL)) {
            fail_msg("%s: %u:%u: %s", warning_cases[i].name, found->place.line, found->place.column,
                     found->message);
        }
        config_free(config);
        diags_fini(&diags);
    }
}

static const struct {
    unsigned line; /* of the base, replaced by the text */
    const char *text;
} secret_texts[] = {
    {13, "    access_token: hunter2secret"},
    {13, "    access_token: \"hunter2secret\\nx\""},
    {13, "    access_token: [hunter2secret]"},
    {13, "    access_token: {env: DETOUR_TEST_TOKEN}\n    bogus: 1"},
    {13, "    access_token: {file: two-lines}"},
    {4, "  topics: [a]\n  properties: {security.protocol: {env: DETOUR_TEST_TOKEN}}"},
    {4, "  topics: [a]\n  properties: {fetch.min.bytes: {file: open-token}}"},
    {4, "  topics: [a]\n  properties: {ssl.ca.location: {env: DETOUR_TEST_TOKEN}}"},
    {4, "  topics: [a]\n  properties: {sasl.oauthbearer.config: hunter2secret, ssl.key.pem: a}"},
};

/* No message ever shows what a secret holds. */
static void messages_hold_no_secret(void **state)
{

    (void)state;
    for (size_t i = 0; i < COUNT_OF(secret_texts); i++) {
        struct diags diags;

        diags_init(&diags);
        config_free(load_changed(secret_texts[i].line, secret_texts[i].text, &diags));
        assert_int_not_equal(diags.count, 0);
        for (size_t k = 0; k < diags.count; k++) {
            if (strstr(diags.items[k].message, "hunter2secret") != NULL) {
                fail_msg("%s: %s", secret_texts[i].text, diags.items[k].message);
            }
        }
        diags_fini(&diags);
    }
}

static void defaults_are_the_contracts(void **state)
{
    const struct config_destination *tiktok;
    struct diags diags;
    struct config *config;

    (void)state;
    diags_init(&diags);
    config = load_changed(END, "", &diags);
    assert_non_null(config);
    assert_int_equal(config->workers, 1);
    assert_int_equal(config->in_flight.events, 20000);
    assert_int_equal(config->in_flight.bytes, 64 * 1024 * 1024);
    assert_int_equal(config->kafka.start_from, START_EARLIEST);
    assert_int_equal(config->kafka.on_gap, GAP_HALT);
    assert_int_equal(config->unmatched, UNMATCHED_DEAD_LETTER);
    assert_int_equal(config->shutdown.drain_ms, 20000);
    assert_true(config->ledger.is_on);
    assert_true(span_is(config->ledger.topic, "detour.ledger"));
    assert_true(config->admin.is_on);
    assert_true(span_is(config->admin.host, "127.0.0.1"));
    assert_int_equal(config->admin.port, 8080);
    assert_null(config->admin.token);
    assert_int_equal(config->log.format, LOG_FORMAT_LOGFMT);
    assert_int_equal(config->log.level, LOG_LEVEL_INFO);
    assert_true(span_is(config->event.type, "event"));
    assert_true(span_is(config->event.id, "event_id"));
    assert_true(span_is(config->event.time, "timestamp"));
    assert_true(span_is(config->event.value, "properties.value"));
    assert_true(span_is(config->event.currency, "properties.currency"));
    assert_int_equal(config->event.id_place.line, 0);
    assert_int_equal(config->schemas.registry.url_count, 0);

    tiktok = config_find(config, SPAN("tiktok"));
    assert_true(span_is(tiktok->url, "https://business-api.tiktok.com"));
    assert_false(tiktok->is_private_allowed);
    assert_int_equal(tiktok_options_of(tiktok)->event_source, SOURCE_WEB);
    assert_int_equal(tiktok->batch.events, 1000);
    assert_int_equal(tiktok->batch.bytes, 1024 * 1024);
    assert_int_equal(tiktok->batch.linger_ms, 50);
    assert_true(tiktok->rate.requests == 1000.0);
    assert_int_equal(tiktok->rate.burst, 100);
    assert_true(tiktok->rate.is_shared);
    assert_int_equal(tiktok->concurrency.initial, 8);
    assert_int_equal(tiktok->concurrency.max, 64);
    assert_int_equal(tiktok->timeout.connect_ms, 2000);
    assert_int_equal(tiktok->timeout.first_byte_ms, 5000);
    assert_int_equal(tiktok->timeout.total_ms, 10000);
    assert_int_equal(tiktok->retry.attempts, 3);
    assert_int_equal(tiktok->retry.backoff_min_ms, 200);
    assert_int_equal(tiktok->retry.backoff_max_ms, 5000);
    assert_int_equal(tiktok->retry.deadline_ms, 30000);
    assert_true(tiktok->retry.budget == 0.1);
    assert_int_equal(tiktok->throttle.wait_ms, 30000);
    assert_int_equal(tiktok->throttle.then, THEN_DIVERT);
    assert_int_equal(tiktok->health.window_ms, 30000);
    assert_int_equal(tiktok->health.minimum, 20);
    assert_true(tiktok->health.failures == 0.5);
    assert_int_equal(tiktok->health.slow_ms, 5000);
    assert_int_equal(tiktok->health.open_min_ms, 5000);
    assert_int_equal(tiktok->health.open_max_ms, 60000);
    assert_int_equal(tiktok->max_age_ms, 6 * 24 * 3600 * 1000);
    assert_null(tiktok->backfill.from.ptr);
    assert_int_equal(tiktok->backfill.max_age_ms, 46 * 3600 * 1000);
    assert_null(tiktok_options_of(tiktok)->test_event_code.ptr);
    assert_null(tiktok_options_of(tiktok)->map);
    assert_true(config->dead_letter == config_find(config, SPAN("dead-letter")));
    assert_int_equal(config->dead_letter->format, KAFKA_ORIGINAL);
    assert_int_equal(config->routes[0].priority, PRIORITY_NORMAL);
    assert_false(config->routes[0].is_continued);
    config_free(config);
    diags_fini(&diags);
}

static char *read_whole(const char *path)
{
    FILE *in = fopen(path, "rb");
    char *text = mem_zero(65536, 1);

    if (in == NULL) {
        fail_msg("%s is not there: run the tests from the repository's folder", path);
    }
    assert_int_not_equal(fread(text, 1, 65535, in), 0);
    assert_int_equal(fclose(in), 0);
    return text;
}

/* The example of the contract, but for the path of its token file. */
static struct config *load_contract(struct diags *diags)
{
    char *text = read_whole("tests/data/config/contract.yaml");
    char *token = strstr(text, "/run/secrets/tiktok");
    struct buf whole;
    struct config *config;

    assert_non_null(token);
    buf_init(&whole, 100000);
    buf_add(&whole, text, (size_t)(token - text));
    buf_printf(&whole, "%s/token", directory);
    buf_add_text(&whole, token + strlen("/run/secrets/tiktok"));
    write_text(file, buf_span(&whole));
    buf_fini(&whole);
    free(text);
    setenv("SR_USER", "u", 1);
    setenv("SR_PASS", "p", 1);
    setenv("COLLECTOR_AUTH", "a", 1);
    setenv("DETOUR_ADMIN_TOKEN", "t", 1);
    setenv("SLACK_WEBHOOK", "https://hooks.example/x", 1);
    config = config_load(file, driver_types(), diags);
    for (size_t i = 0; i < diags->count; i++) {
        if (diags->items[i].level == DIAG_ERROR) {
            fail_msg("%u:%u: %s", diags->items[i].place.line, diags->items[i].place.column,
                     diags->items[i].message);
        }
    }
    assert_non_null(config);
    return config;
}

static void check_contract_senders(const struct config *config)
{
    const struct config_destination *tiktok = config_find(config, SPAN("tiktok"));
    const struct config_destination *warehouse = config_find(config, SPAN("warehouse"));

    assert_true(span_is(tiktok_options_of(tiktok)->event_source_id, "CPIXEL123"));
    assert_null(tiktok_options_of(tiktok)->test_event_code.ptr);
    assert_int_equal(tiktok->event_count, 2);
    assert_true(span_is(tiktok->events[0].name, "Order Completed"));
    assert_true(span_is(tiktok->events[0].value, "Purchase"));
    assert_int_equal(tiktok_options_of(tiktok)->map->count, 4);
    assert_true(span_is(tiktok->backfill.from, "utm"));
    assert_true(tiktok->backfill.rate == 0.2);
    assert_ptr_equal(warehouse->type, &http_driver.section);
    assert_int_equal(http_options_of(warehouse)->header_count, 1);
    assert_true(span_is(http_options_of(warehouse)->headers[0].name, "Authorization"));
    assert_string_equal(secret_source(http_options_of(warehouse)->headers[0].value),
                        "env COLLECTOR_AUTH");
    assert_int_equal(http_options_of(warehouse)->verdict_count, 2);
    assert_non_null(http_options_of(warehouse)->verdicts[1].json);
    assert_null(http_options_of(warehouse)->verdicts[1].header);
    assert_int_equal(http_options_of(warehouse)->method, METHOD_POST);
    assert_int_equal(http_options_of(warehouse)->body_format, BODY_JSON);
}

static void the_contracts_example_loads(void **state)
{
    char ids_file[200];
    char schema_directory[160];
    struct diags diags;
    struct config *config;

    (void)state;
    diags_init(&diags);
    config = load_contract(&diags);
    (void)snprintf(schema_directory, sizeof(schema_directory), "%s/../schemas", directory);
    (void)snprintf(ids_file, sizeof(ids_file), "%s/conversion_event.avsc", schema_directory);
    assert_true(span_is(config->kafka.brokers, "localhost:9092"));
    assert_int_equal(config->kafka.topic_count, 1);
    assert_int_equal(config->kafka.property_count, 0);
    assert_int_equal(config->workers, 2);
    assert_true(span_is(config->schemas.directory, schema_directory));
    assert_int_equal(config->schemas.registry.url_count, 1);
    assert_string_equal(secret_source(config->schemas.registry.username), "env SR_USER");
    assert_int_equal(config->schemas.id_count, 1);
    assert_int_equal(config->schemas.ids[0].id, 1);
    assert_true(span_is(config->schemas.ids[0].file, ids_file));
    assert_true(span_is(config->schemas.reader, "com.example.ConversionEvent"));
    assert_int_equal(config->destination_count, 4);
    check_contract_senders(config);
    assert_int_equal(config->route_count, 3);
    assert_int_equal(config->routes[0].leg_count, 2);
    assert_int_equal(config->routes[0].legs[0].count, 2);
    assert_true(config->routes[0].legs[0].chain[1] == config_find(config, SPAN("utm")));
    assert_int_equal(config->routes[0].priority, PRIORITY_HIGH);
    assert_int_equal(config->routes[0].match->count, 2);
    assert_true(span_is(config->routes[1].drop, "no_consent"));
    assert_int_equal(config->routes[1].leg_count, 0);
    assert_int_equal(config->alert_count, 1);
    assert_int_equal(config->alerts[0].on, 15);
    assert_int_equal(config->test_count, 1);
    config_free(config);
    diags_fini(&diags);
}

/* What does nothing in this version is said, when it is written out; see config/later.c. */
static void what_is_not_in_effect_is_said(void **state)
{
    size_t later = 0;
    struct diags diags;
    struct config *config;

    (void)state;
    diags_init(&diags);
    config = load_contract(&diags);
    for (size_t i = 0; i < diags.count; i++) {
        later += strstr(diags.items[i].message, "is not in effect in this version") != NULL;
    }
    assert_int_equal(later, diags.count);
    assert_int_equal(diags.error_count, 0);
    config_free(config);
    diags_fini(&diags);
}

static void other_forms_are_read(void **state)
{
    struct diags diags;
    struct config *config;

    (void)state;
    diags_init(&diags);
    config = load_changed(8,
                          "  reader: {com.example.A: com.example.B, x.C: x.D}\n"
                          "  registry:\n"
                          "    url: [https://a:8081, 'http://[::1]:8081/path']\n"
                          "    timeout: 2s\n"
                          "event: {type: {record: name}, id: ids.0.value}\n"
                          "admin: {listen: '[::1]:9090'}\n"
                          "ledger: off\n"
                          "tests: tests/*.yaml\n"
                          "unmatched: drop",
                          &diags);
    if (config == NULL) {
        fail_msg("%s", diags.items[0].message);
    }
    assert_int_equal(config->schemas.reader_count, 2);
    assert_true(span_is(config->schemas.readers[1].name, "x.C"));
    assert_true(span_is(config->schemas.readers[1].value, "x.D"));
    assert_int_equal(config->schemas.registry.url_count, 2);
    assert_int_equal(config->schemas.registry.timeout_ms, 2000);
    assert_int_equal(config->schemas.registry.place.line, 10);
    assert_true(config->event.is_type_record_name);
    assert_int_equal(config->event.id_place.line, 12);
    assert_true(span_is(config->admin.host, "::1"));
    assert_int_equal(config->admin.port, 9090);
    assert_false(config->ledger.is_on);
    assert_false(config_has_ledger(config));
    assert_int_equal(config->test_count, 1);
    assert_true(span_starts(config->tests[0], span_of(directory)));
    assert_int_equal(config->unmatched, UNMATCHED_DROP);
    config_free(config);

    config = load_changed(13,
                          "    access_token: {file: token}\n"
                          "    url: http://127.0.0.1:9999\n"
                          "    codes: {50001: retry}\n"
                          "    default_country: de\n"
                          "    partner_name: Example\n"
                          "    max_age: 0s",
                          &diags);
    if (config == NULL) {
        fail_msg("%s", diags.items[0].message);
    }
    assert_true(config->destinations[0].is_private_allowed); /* the loopback address stands there */
    assert_int_equal(config->destinations[0].max_age_ms, 0);
    assert_int_equal(tiktok_options_of(&config->destinations[0])->codes->count, 1);
    config_free(config);
    diags_fini(&diags);
}

static const struct {
    const char *name, *text; /* in place of the token's line */
    bool want_allowed;
} place_cases[] = {
    {"a private address with leave", "    url: https://10.0.0.5/\n    allow_private: true", true},
    {"localhost", "    url: http://localhost:9999", true},
    {"::1", "    url: 'http://[::1]:9999'", true},
    {"a public address has no leave to become private", "    url: https://8.8.8.8/", false},
};

static void only_loopback_needs_no_leave(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(place_cases); i++) {
        struct diags diags;
        struct config *config;
        char text[256];

        diags_init(&diags);
        (void)snprintf(text, sizeof(text), "    access_token: {env: DETOUR_TEST_TOKEN}\n%s",
                       place_cases[i].text);
        config = load_changed(13, text, &diags);
        if (config == NULL ||
            config->destinations[0].is_private_allowed != place_cases[i].want_allowed) {
            fail_msg("%s: %s", place_cases[i].name,
                     config == NULL ? diags.items[0].message : "leave");
        }
        config_free(config);
        diags_fini(&diags);
    }
}

static void properties_are_kept_verbatim(void **state)
{
    struct diags diags;
    struct config *config;
    char *authority;

    (void)state;
    diags_init(&diags);
    config = load_changed(4,
                          "  topics: conversions\n"
                          "  properties:\n"
                          "    security.protocol: SASL_SSL\n"
                          "    sasl.password: {file: token}\n"
                          "    fetch.min.bytes: 5\n"
                          "    ssl.ca.location: authority.pem",
                          &diags);
    if (config == NULL) {
        fail_msg("%s", diags.items[0].message);
    }
    assert_int_equal(diags.count, 0);
    assert_int_equal(config->kafka.property_count, 4);
    assert_true(span_is(config->kafka.properties[1].name, "sasl.password"));
    assert_string_equal(config->kafka.properties[1].value.ptr, "hunter2secret");
    assert_string_equal(config->kafka.properties[2].value.ptr, "5");
    authority = mem_format("%s/authority.pem", config->directory);
    assert_string_equal(config->kafka.properties[3].value.ptr, authority); /* the exception */
    free(authority);
    config_free(config);
    diags_fini(&diags);
}

static void partial_loads_go_on(void **state)
{
    struct diags diags;
    struct config *config;

    (void)state;
    diags_init(&diags);
    config_free(load_changed(END, "worker: 3", &diags));
    assert_int_equal(diags.error_count, 1);
    config = config_load_partial(file, driver_types(), SECRETS_NEEDED, &diags);
    assert_non_null(config);
    assert_int_equal(config->route_count, 1);
    config_free(config);
    config_free(load_changed(6, "", &diags));
    assert_null(config_load_partial(file, driver_types(), SECRETS_NEEDED,
                                    &diags)); /* without schemas nothing can be looked at */
    diags_fini(&diags);
}

static void a_file_for_all_to_write_is_told(void **state)
{
    struct diags diags;

    (void)state;
    diags_init(&diags);
    config_free(load_changed(END, "", &diags));
    assert_int_equal(diags.count, 0);
    assert_int_equal(chmod(file, 0666), 0);
    config_free(config_load(file, driver_types(), &diags));
    assert_int_equal(diags.count, 1);
    assert_non_null(strstr(diags.items[0].message, "everybody on this machine can change"));
    assert_int_equal(chmod(file, 0600), 0);
    diags_fini(&diags);
}

static void many_routes_load(void **state)
{
    struct diags diags;
    struct config *config;
    struct buf text;

    (void)state;
    diags_init(&diags);
    buf_init(&text, 1024 * 1024);
    buf_add_text(&text, "    legs: [[tiktok, utm]]\n");
    for (unsigned i = 0; i < 10000; i++) {
        buf_printf(&text, "  - {name: r%u, match: {event: e%u}, legs: [[tiktok]]}\n", i, i);
    }
    config = load_changed(24, buf_text(&text), &diags);
    assert_non_null(config);
    assert_int_equal(config->route_count, 10001);
    config_free(config);
    buf_fini(&text);
    diags_fini(&diags);
}

static void write_token(const char *name, const char *text, mode_t mode)
{
    char path[160];

    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    write_text(path, span_of(text));
    assert_int_equal(chmod(path, mode), 0);
}

static const char *const tokens[] = {"token", "open-token", "loose-token", "two-lines",
                                     "authority.pem"};

static void write_authority(void)
{
    char *key;
    char *certificate;

    assert_true(certificate_make(&key, &certificate));
    write_token("authority.pem", certificate, 0400);
    free(key);
    free(certificate);
}

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(directory));
    (void)snprintf(file, sizeof(file), "%s/detour.yaml", directory);
    setenv("DETOUR_TEST_TOKEN", "hunter2secret", 1);
    unsetenv("DETOUR_TEST_UNSET");
    write_token("token", "hunter2secret\n", 0400);
    write_token("open-token", "hunter2secret\n", 0444);
    write_token("loose-token", "hunter2secret\n", 0602);
    write_authority();
    write_token("two-lines", "hunter2secret\nhunter2secret\n", 0400);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(tokens); i++) {
        char path[160];

        (void)snprintf(path, sizeof(path), "%s/%s", directory, tokens[i]);
        (void)unlink(path);
    }
    (void)unlink(file);
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(structure_errors_have_their_place),
        cmocka_unit_test(value_errors_have_their_place),
        cmocka_unit_test(secret_errors_have_their_place),
        cmocka_unit_test(url_errors_have_their_place),
        cmocka_unit_test(what_is_wrong_with_http_destinations_is_said),
        cmocka_unit_test(meaning_errors_have_their_place),
        cmocka_unit_test(property_errors_have_their_place),
        cmocka_unit_test(a_condition_without_its_value_is_told),
        cmocka_unit_test(a_root_that_is_no_map_is_told),
        cmocka_unit_test(all_errors_come_at_once),
        cmocka_unit_test(warnings_are_no_errors),
        cmocka_unit_test(messages_hold_no_secret),
        cmocka_unit_test(defaults_are_the_contracts),
        cmocka_unit_test(the_contracts_example_loads),
        cmocka_unit_test(what_is_not_in_effect_is_said),
        cmocka_unit_test(other_forms_are_read),
        cmocka_unit_test(only_loopback_needs_no_leave),
        cmocka_unit_test(properties_are_kept_verbatim),
        cmocka_unit_test(partial_loads_go_on),
        cmocka_unit_test(a_file_for_all_to_write_is_told),
        cmocka_unit_test(many_routes_load),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
