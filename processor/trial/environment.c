#include "trial/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/embedded.h"
#include "base/mem.h"
#include "base/rng.h"
#include "destinations/table.h"
#include "http/fetch.h"
#include "trial/environment_topics.h"
#include "trial/interrupt.h"
#include "trial/scenario.h"
#include "trial/script.h"

enum { READY_MS = 45000, STOP_MS = 3000, DRAIN_MS = 25000, NAP_MS = 50 };

#define CONFIG_PATH "detour.yaml"

/* Its name in messages, its log, and what stands there before the place where it listens. */
static const struct {
    const char *name, *log_path, *marker;
} programs[ENVIRONMENT_CHILDREN] = {
    [ENVIRONMENT_BROKER] = {"the embedded broker", "broker.log", "listening on "},
    [ENVIRONMENT_SIMULATOR] = {"the simulated TikTok", "simulate.log", "listening on "},
    [ENVIRONMENT_PROCESSOR] = {"the processor", "run.log", "admin.listening url="},
};

static const char config_text[] =
    "# The sandbox's configuration; docs/configuration.md explains every key.\n"
    "kafka:\n"
    "  brokers: \"%s\"\n"
    "  group: %s\n"
    "  topics: [%s]\n"
    "  start_from: earliest\n"
    "  properties: {session.timeout.ms: 6000, fetch.wait.max.ms: 10}\n"
    "workers: %s\n"
    "schemas:\n"
    "  directory: schemas\n"
    "  framing: confluent\n"
    "  ids: {1: conversion_event.avsc}\n"
    "  reader: com.example.ConversionEvent\n"
    "destinations:\n"
    "  " ENVIRONMENT_DESTINATION ":\n"
    "    type: tiktok\n"
    "    url: %s\n"
    "    allow_private: true\n"
    "    event_source: web\n"
    "    event_source_id: CSANDBOX0PIXEL00AB12\n"
    "    access_token: {file: token}\n"
    "    events:\n"
    "      Product Viewed: ViewContent\n"
    "      Products Searched: Search\n"
    "      Product Added: AddToCart\n"
    "      Checkout Started: InitiateCheckout\n"
    "      Order Completed: Purchase\n"
    "      Payment Info Entered: AddPaymentInfo\n"
    "      Signed Up: CompleteRegistration\n"
    "    batch: {events: 200, linger: 50ms}\n"
    "    timeout: {connect: 1s, first_byte: 2s, total: 3s}\n"
    "    retry: {attempts: 3, backoff: 100ms..400ms, deadline: 5s}\n"
    "    health: {window: 10s, minimum: 10, open: 1s..4s} # short, so that the return is seen\n"
    "    backfill: {from: utm, rate: 50%%}\n"
    "  utm:\n"
    "    type: kafka\n"
    "    topic: %s\n"
    "    format: utm\n"
    "  dead-letter:\n"
    "    type: kafka\n"
    "    topic: %s\n"
    "    format: original\n"
    "routes:\n"
    "  - name: consent-missing\n"
    "    match: {consent.ads: \"!= true\"}\n"
    "    drop: no_consent\n"
    "  - name: orders\n"
    "    match: {event: Order Completed}\n"
    "    legs: [[" ENVIRONMENT_DESTINATION ", utm]]\n"
    "  - name: everything-else\n"
    "    match: {}\n"
    "    legs: [[" ENVIRONMENT_DESTINATION ", utm]]\n"
    "dead_letter: dead-letter\n"
    "unmatched: dead_letter\n"
    "ledger: {topic: %s}\n"
    "admin: {listen: 127.0.0.1:0}\n"
    "log: {format: logfmt, level: info}\n";

static const char *const files[] = {"schemas/conversion_event.avsc",
                                    "token",
                                    CONFIG_PATH,
                                    "broker.log",
                                    "simulate.log",
                                    "run.log",
                                    SCRIPT_OUTPUT,
                                    SCENARIO_EXPORT "-001.csv",
                                    SCENARIO_EXPORT ".manifest.json"};

static enum err_code write_file(const char *name, const char *text, struct err *err)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    size_t bytes = strlen(text);
    bool is_good = fd >= 0 && write(fd, text, bytes) == (ssize_t)bytes;
    enum err_code rc =
        is_good ? ERR_OK : FAIL(err, ERR_IO, "%s cannot be written: %s", name, strerror(errno));

    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

/* From here on the sandbox and its children work inside the folder. */
static enum err_code enter_folder(struct environment *environment, struct err *err)
{
    const char *keep = environment->options.keep;
    const char *base = getenv("TMPDIR");
    char *folder = keep != NULL ? mem_text(span_of(keep))
                                : mem_format("%s/detour-sandbox-XXXXXX",
                                             base != NULL && base[0] == '/' ? base : "/tmp");
    bool is_there =
        keep != NULL ? mkdir(folder, 0700) == 0 || errno == EEXIST : mkdtemp(folder) != NULL;
    enum err_code rc = ERR_OK;

    if (!is_there || chdir(folder) != 0) { /* not ours: nothing is written or removed in it */
        rc = FAIL(err, ERR_IO, "folder %s cannot be used: %s", folder, strerror(errno));
        free(folder);
        return rc;
    }
    environment->folder = folder;
    return rc;
}

/* A folder the user names may hold work of his under the very names that are written here. */
static enum err_code refuse_others_files(const struct environment *environment, struct err *err)
{
    struct stat seen;

    for (size_t i = 0; i < COUNT_OF(files); i++) {
        if (lstat(files[i], &seen) == 0) {
            return FAIL(err, ERR_USAGE,
                        "%s/%s exists already, and the sandbox overwrites nothing: --keep wants a "
                        "folder of its own",
                        environment->folder, files[i]);
        }
    }
    return ERR_OK;
}

static enum err_code fill_folder(struct err *err)
{
    enum err_code rc = ERR_OK;

    if (mkdir("schemas", 0700) != 0 && errno != EEXIST) {
        rc = FAIL(err, ERR_IO, "folder schemas cannot be made: %s", strerror(errno));
    }
    if (rc == ERR_OK) {
        rc = write_file("schemas/conversion_event.avsc", embedded_conversion_event_avsc, err);
    }
    return rc == ERR_OK ? write_file("token", "sandbox-token\n", err) : rc;
}

/* @out: where it listens, as soon as it says so. */
static enum err_code start(struct environment *environment, enum environment_child which,
                           const char *const *argv, char out[ENVIRONMENT_PLACE_BYTES],
                           struct err *err)
{
    struct child *child = &environment->children[which];
    char word[CHILD_WORD_BYTES] = "";
    enum err_code rc =
        child_start(child, programs[which].name, programs[which].log_path, argv, err);

    if (rc == ERR_OK) {
        rc = child_word(child, programs[which].marker, READY_MS, word, err);
    }
    snprintf(out, ENVIRONMENT_PLACE_BYTES, "%.250s", word);
    return rc;
}

static enum err_code start_broker(struct environment *environment, struct err *err)
{
    const struct {
        const char *name;
        int partitions;
    } topics[] = {{environment->topic, ENVIRONMENT_PARTITIONS},
                  {environment->alternate, ENVIRONMENT_PARTITIONS},
                  {environment->dead_letter, ENVIRONMENT_PARTITIONS},
                  {environment->ledger, ENVIRONMENT_LEDGER_PARTITIONS}};
    char words[COUNT_OF(topics)][80];
    const char *argv[2 * COUNT_OF(topics) + 2] = {"mock-broker"};

    if (environment->options.brokers != NULL) {
        snprintf(environment->brokers, sizeof(environment->brokers), "%s",
                 environment->options.brokers);
        return ERR_OK;
    }
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        snprintf(words[i], sizeof(words[i]), "%s=%d", topics[i].name, topics[i].partitions);
        argv[2 * i + 1] = "--topic";
        argv[2 * i + 2] = words[i];
    }
    return start(environment, ENVIRONMENT_BROKER, argv, environment->brokers, err);
}

static enum err_code start_simulator(struct environment *environment, struct err *err)
{
    static const char *const argv[] = {"simulate",      "tiktok",    "--token",
                                       "sandbox-token", "--rate",    "0",
                                       "--latency",     "5ms..20ms", NULL};

    return start(environment, ENVIRONMENT_SIMULATOR, argv, environment->simulator_url, err);
}

static enum err_code write_config(struct environment *environment, struct err *err)
{
    /* The embedded broker refuses commits while a group rebalances, which Kafka does not: where a
     * second worker joins late, what the first had done would be done again. */
    const char *workers = environment->options.brokers == NULL ? "1" : "2";
    char *text = mem_format(config_text, environment->brokers, environment->group,
                            environment->topic, workers, environment->simulator_url,
                            environment->alternate, environment->dead_letter, environment->ledger);
    struct diags diags;
    enum err_code rc = write_file(CONFIG_PATH, text, err);

    free(text);
    if (rc != ERR_OK) {
        return rc;
    }
    diags_init(&diags);
    environment->config = config_load(CONFIG_PATH, driver_types(), &diags);
    if (environment->config == NULL) {
        diags_print(&diags);
        rc = FAIL(err, ERR_CONFIG, "the sandbox's configuration is not valid (see above)");
    }
    diags_fini(&diags);
    return rc;
}

/* Names that tell one run from another where they share a Kafka. */
static void name_topics(struct environment *environment)
{
    if (environment->options.brokers == NULL) {
        snprintf(environment->prefix, sizeof(environment->prefix), "sandbox");
    } else {
        snprintf(environment->prefix, sizeof(environment->prefix), "detour-sandbox-%08llx",
                 (unsigned long long)(rng_seed() & 0xffffffff));
    }
    snprintf(environment->topic, sizeof(environment->topic), "%s.conversions", environment->prefix);
    snprintf(environment->alternate, sizeof(environment->alternate), "%s.utm", environment->prefix);
    snprintf(environment->dead_letter, sizeof(environment->dead_letter), "%s.dead-letter",
             environment->prefix);
    snprintf(environment->ledger, sizeof(environment->ledger), "%s.ledger", environment->prefix);
    snprintf(environment->group, sizeof(environment->group), "%s.group", environment->prefix);
}

enum err_code environment_open(struct environment *environment,
                               const struct environment_options *options, struct err *err)
{
    enum err_code rc;

    *environment = (struct environment){.options = *options};
    name_topics(environment);
    rc = enter_folder(environment, err);
    if (rc == ERR_OK) {
        rc = refuse_others_files(environment, err);
    }
    if (rc == ERR_OK) {
        rc = fill_folder(err);
    }
    if (rc == ERR_OK) {
        rc = start_broker(environment, err);
    }
    if (rc == ERR_OK) {
        rc = start_simulator(environment, err);
    }
    if (rc == ERR_OK) {
        rc = write_config(environment, err);
    }
    if (rc == ERR_OK && options->brokers != NULL) {
        rc = environment_topics_create(environment, err);
    }
    return rc;
}

/* It has joined its group and the brokers answer. */
static enum err_code wait_ready(struct environment *environment, struct err *err)
{
    uint64_t until_ms = clock_mono_ms() + READY_MS;
    char *url = mem_format("%s/readyz", environment->admin_url);
    struct buf body;
    enum err_code rc;

    buf_init(&body, 64 << 10);
    for (;;) {
        rc = http_fetch("GET", url, NULL, 1000, &body, NULL);
        if (rc == ERR_OK || interrupt_is_pending()) {
            break;
        }
        if (child_has_ended(&environment->children[ENVIRONMENT_PROCESSOR])) {
            rc = FAIL(err, ERR_STATE, "the processor ended before it was ready");
            break;
        }
        if (clock_mono_ms() >= until_ms) {
            rc = FAIL(err, ERR_NET, "the processor was not ready within %d s", READY_MS / 1000);
            break;
        }
        poll(NULL, 0, NAP_MS);
    }
    buf_fini(&body);
    free(url);
    return interrupt_is_pending() ? ERR_OK : rc;
}

enum err_code environment_start_processor(struct environment *environment, struct err *err)
{
    static const char *const argv[] = {"run", "-c", CONFIG_PATH, NULL};
    enum err_code rc = start(environment, ENVIRONMENT_PROCESSOR, argv, environment->admin_url, err);

    return rc == ERR_OK ? wait_ready(environment, err) : rc;
}

struct child *environment_ended_child(struct environment *environment)
{
    for (size_t i = 0; i < ENVIRONMENT_CHILDREN; i++) {
        struct child *child = &environment->children[i];

        if (child->log_path != NULL && child_has_ended(child)) {
            return child;
        }
    }
    return NULL;
}

static void remove_files(const struct environment *environment)
{
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        (void)unlink(files[i]); /* not every run gets as far as all of them */
    }
    (void)rmdir("schemas");
    if (rmdir(environment->folder) != 0 && errno != ENOENT) {
        fprintf(stderr, "detour sandbox: %s is left behind: %s\n", environment->folder,
                strerror(errno));
    }
}

void environment_close(struct environment *environment)
{
    for (size_t i = ENVIRONMENT_CHILDREN; i-- > 0;) {
        struct child *child = &environment->children[i];

        if (i == ENVIRONMENT_BROKER && environment->has_topics &&
            environment->options.keep == NULL) {
            environment_topics_remove(environment);
        }
        (void)child_stop(child, SIGTERM, i == ENVIRONMENT_PROCESSOR ? DRAIN_MS : STOP_MS);
        child_fini(child);
    }
    config_free(environment->config);
    if (environment->folder != NULL && environment->options.keep == NULL) {
        remove_files(environment);
    }
    free(environment->folder);
    *environment = (struct environment){0};
}
