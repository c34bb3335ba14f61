#include "trial/stage.h"

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
#include "trial/fetch.h"
#include "trial/report.h"
#include "trial/stage_topics.h"

enum { START_MS = 10000, READY_MS = 45000, STOP_MS = 3000, DRAIN_MS = 25000, NAP_MS = 50 };

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
    "  " STAGE_DESTINATION ":\n"
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
    "    legs: [[" STAGE_DESTINATION ", utm]]\n"
    "  - name: everything-else\n"
    "    match: {}\n"
    "    legs: [[" STAGE_DESTINATION ", utm]]\n"
    "dead_letter: dead-letter\n"
    "unmatched: dead_letter\n"
    "ledger: off\n"
    "admin: {listen: 127.0.0.1:0}\n"
    "log: {format: logfmt, level: info}\n";

static const char *const files[] = {"schemas/conversion_event.avsc",
                                    "token",
                                    "detour.yaml",
                                    "broker.log",
                                    "simulate.log",
                                    "topics.log",
                                    "run.log"};

static char *path_in(const struct stage *stage, const char *name)
{
    return mem_format("%s/%s", stage->folder, name);
}

static enum err_code write_file(const struct stage *stage, const char *name, const char *text,
                                struct err *err)
{
    char *path = path_in(stage, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    size_t bytes = strlen(text);
    bool is_good = fd >= 0 && write(fd, text, bytes) == (ssize_t)bytes;
    enum err_code rc =
        is_good ? ERR_OK : FAIL(err, ERR_IO, "%s cannot be written: %s", path, strerror(errno));

    if (fd >= 0) {
        close(fd);
    }
    free(path);
    return rc;
}

static enum err_code make_folder(struct stage *stage, struct err *err)
{
    const char *base = getenv("TMPDIR");
    bool is_good;

    if (stage->options.keep != NULL) {
        stage->folder = mem_text(span_of(stage->options.keep));
        is_good = mkdir(stage->folder, 0700) == 0 || errno == EEXIST;
    } else {
        stage->folder =
            mem_format("%s/detour-sandbox-XXXXXX", base != NULL && base[0] == '/' ? base : "/tmp");
        is_good = mkdtemp(stage->folder) != NULL;
    }
    return is_good
               ? ERR_OK
               : FAIL(err, ERR_IO, "folder %s cannot be made: %s", stage->folder, strerror(errno));
}

/* A folder the user names may hold work of his under the very names that are written here. */
static enum err_code refuse_others_files(const struct stage *stage, struct err *err)
{
    enum err_code rc = ERR_OK;

    for (size_t i = 0; i < COUNT_OF(files) && rc == ERR_OK; i++) {
        char *path = path_in(stage, files[i]);
        struct stat seen;

        if (lstat(path, &seen) == 0) {
            rc = FAIL(err, ERR_USAGE,
                      "%s exists already, and the sandbox overwrites nothing: --keep wants a "
                      "folder of its own",
                      path);
        }
        free(path);
    }
    return rc;
}

static enum err_code fill_folder(const struct stage *stage, struct err *err)
{
    char *schemas = path_in(stage, "schemas");
    enum err_code rc = ERR_OK;

    if (mkdir(schemas, 0700) != 0 && errno != EEXIST) {
        rc = FAIL(err, ERR_IO, "folder %s cannot be made: %s", schemas, strerror(errno));
    }
    if (rc == ERR_OK) {
        rc =
            write_file(stage, "schemas/conversion_event.avsc", embedded_conversion_event_avsc, err);
    }
    if (rc == ERR_OK) {
        rc = write_file(stage, "token", "sandbox-token\n", err);
    }
    free(schemas);
    return rc;
}

static enum err_code start(struct stage *stage, struct child *child, const char *name,
                           const char *log, const char *const *argv, struct err *err)
{
    char *path = path_in(stage, log);
    enum err_code rc = child_start(child, name, path, argv, err);

    free(path);
    return rc;
}

static enum err_code start_broker(struct stage *stage, struct err *err)
{
    char words[3][80];
    const char *topics[3] = {stage->topic, stage->alternate, stage->dead_letter};
    const char *const argv[] = {"mock-broker", "--topic", words[0], "--topic",
                                words[1],      "--topic", words[2], NULL};
    enum err_code rc;

    if (stage->options.brokers != NULL) {
        snprintf(stage->brokers, sizeof(stage->brokers), "%s", stage->options.brokers);
        return ERR_OK;
    }
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        snprintf(words[i], sizeof(words[i]), "%s=%d", topics[i], STAGE_PARTITIONS);
    }
    rc = start(stage, &stage->broker, "the embedded broker", "broker.log", argv, err);
    if (rc == ERR_OK) {
        char line[CHILD_LINE_BYTES];

        rc = child_line(&stage->broker, START_MS, line, err);
        snprintf(stage->brokers, sizeof(stage->brokers), "%.250s", rc == ERR_OK ? line : "");
    }
    return rc;
}

static enum err_code start_simulator(struct stage *stage, struct err *err)
{
    static const char *const argv[] = {"simulate",      "tiktok",    "--token",
                                       "sandbox-token", "--rate",    "0",
                                       "--latency",     "5ms..20ms", NULL};
    static const char before[] = "listening on ";
    char line[CHILD_LINE_BYTES] = "";
    enum err_code rc =
        start(stage, &stage->simulator, "the simulated TikTok", "simulate.log", argv, err);

    if (rc == ERR_OK) {
        rc = child_line(&stage->simulator, START_MS, line, err);
    }
    if (rc == ERR_OK && strncmp(line, before, strlen(before)) != 0) {
        rc = FAIL(err, ERR_STATE, "the simulated TikTok does not say where it listens");
    }
    if (rc == ERR_OK) {
        snprintf(stage->simulator_url, STAGE_URL_BYTES, "%.100s", line + strlen(before));
    }
    return rc;
}

static enum err_code write_config(struct stage *stage, struct err *err)
{
    /* The embedded broker refuses commits while a group rebalances, which Kafka does not: where a
     * second worker joins late, what the first had done would be done again. */
    const char *workers = stage->options.brokers == NULL ? "1" : "2";
    char *text = mem_format(config_text, stage->brokers, stage->group, stage->topic, workers,
                            stage->simulator_url, stage->alternate, stage->dead_letter);
    struct diags diags;
    enum err_code rc = write_file(stage, "detour.yaml", text, err);

    free(text);
    if (rc != ERR_OK) {
        return rc;
    }
    stage->config_path = path_in(stage, "detour.yaml");
    diags_init(&diags);
    stage->config = config_load(stage->config_path, &diags);
    if (stage->config == NULL) {
        diags_print(&diags);
        rc = FAIL(err, ERR_CONFIG, "the sandbox's configuration is not valid (see above)");
    }
    diags_fini(&diags);
    return rc;
}

/* Names that tell one run from another where they share a Kafka. */
static void name_topics(struct stage *stage)
{
    if (stage->options.brokers == NULL) {
        snprintf(stage->prefix, sizeof(stage->prefix), "sandbox");
    } else {
        snprintf(stage->prefix, sizeof(stage->prefix), "detour-sandbox-%08llx",
                 (unsigned long long)(rng_seed() & 0xffffffff));
    }
    snprintf(stage->topic, sizeof(stage->topic), "%s.conversions", stage->prefix);
    snprintf(stage->alternate, sizeof(stage->alternate), "%s.utm", stage->prefix);
    snprintf(stage->dead_letter, sizeof(stage->dead_letter), "%s.dead-letter", stage->prefix);
    snprintf(stage->group, sizeof(stage->group), "%s.group", stage->prefix);
}

enum err_code stage_set(struct stage *stage, const struct stage_options *options, struct err *err)
{
    enum err_code rc;

    *stage = (struct stage){.options = *options};
    name_topics(stage);
    rc = make_folder(stage, err);
    if (rc == ERR_OK) {
        rc = refuse_others_files(stage, err);
    }
    if (rc == ERR_OK) {
        rc = fill_folder(stage, err);
    }
    if (rc == ERR_OK) {
        rc = start_broker(stage, err);
    }
    if (rc == ERR_OK) {
        rc = start_simulator(stage, err);
    }
    if (rc == ERR_OK) {
        rc = write_config(stage, err);
    }
    if (rc == ERR_OK && options->brokers != NULL) {
        rc = stage_topics_create(stage->config, &stage->has_topics, err);
    }
    return rc;
}

/* It has joined its group and the brokers answer. */
static enum err_code wait_ready(struct stage *stage, struct err *err)
{
    uint64_t until_ms = clock_mono_ms() + READY_MS;
    char *url = mem_format("%s/readyz", stage->admin_url);
    struct buf body;
    enum err_code rc;

    buf_init(&body, 64 << 10);
    for (;;) {
        rc = fetch("GET", url, NULL, 1000, &body, NULL);
        if (rc == ERR_OK || report_is_stopping()) {
            break;
        }
        if (child_has_ended(&stage->processor)) {
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
    return report_is_stopping() ? ERR_OK : rc;
}

enum err_code stage_start_processor(struct stage *stage, struct err *err)
{
    const char *const argv[] = {"run", "-c", stage->config_path, NULL};
    char url[CHILD_LINE_BYTES] = "";
    enum err_code rc = start(stage, &stage->processor, "the processor", "run.log", argv, err);

    if (rc == ERR_OK) {
        rc = child_log_word(&stage->processor, "admin.listening url=", READY_MS, url, err);
    }
    if (rc == ERR_OK) {
        snprintf(stage->admin_url, STAGE_URL_BYTES, "%.100s", url);
        rc = wait_ready(stage, err);
    }
    return rc;
}

struct child *stage_fallen(struct stage *stage)
{
    struct child *children[] = {&stage->broker, &stage->simulator, &stage->processor};

    for (size_t i = 0; i < COUNT_OF(children); i++) {
        if (children[i]->log_path != NULL && child_has_ended(children[i])) {
            return children[i];
        }
    }
    return NULL;
}

static void remove_files(const struct stage *stage)
{
    char *path;

    for (size_t i = 0; i < COUNT_OF(files); i++) {
        path = path_in(stage, files[i]);
        (void)unlink(path); /* not every run gets as far as all of them */
        free(path);
    }
    path = path_in(stage, "schemas");
    (void)rmdir(path);
    free(path);
    if (rmdir(stage->folder) != 0 && errno != ENOENT) {
        fprintf(stderr, "detour sandbox: %s is left behind: %s\n", stage->folder, strerror(errno));
    }
}

void stage_strike(struct stage *stage)
{
    (void)child_stop(&stage->processor, SIGTERM, DRAIN_MS);
    (void)child_stop(&stage->simulator, SIGTERM, STOP_MS);
    if (stage->has_topics && stage->options.keep == NULL) {
        stage_topics_remove(stage->config, stage->prefix, stage->group);
    }
    (void)child_stop(&stage->broker, SIGTERM, STOP_MS);
    child_fini(&stage->processor);
    child_fini(&stage->simulator);
    child_fini(&stage->broker);
    config_free(stage->config);
    if (stage->folder != NULL && stage->options.keep == NULL) {
        remove_files(stage);
    }
    free(stage->config_path);
    free(stage->folder);
    *stage = (struct stage){0};
}
