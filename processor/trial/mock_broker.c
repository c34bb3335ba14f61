#include "trial/trial.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/span.h"

/* librdkafka's mock cluster in a process of its own: it may abort, and its data must outlive
 * whoever talks to it. It keeps 5 MiB or 100,000 batches of a partition and then drops the oldest
 * without a word; the sandbox stays below that. */

enum { TOPIC_NAME_MAX = 249, PARTITIONS_MAX = 64, NAP_MS = 200 };

static bool make_topic(rd_kafka_mock_cluster_t *cluster, const char *word)
{
    const char *equals = strchr(word, '=');
    char name[TOPIC_NAME_MAX + 1];
    int64_t partitions;

    if (equals == NULL || equals == word || (size_t)(equals - word) > TOPIC_NAME_MAX ||
        !span_to_i64(span_of(equals + 1), &partitions) || partitions < 1 ||
        partitions > PARTITIONS_MAX) {
        fprintf(stderr, "detour mock-broker: %s is not NAME=PARTITIONS (1..%d)\n", word,
                PARTITIONS_MAX);
        return false;
    }
    snprintf(name, sizeof(name), "%.*s", (int)(equals - word), word);
    return rd_kafka_mock_topic_create(cluster, name, (int)partitions, 1) ==
           RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Whoever holds the other end of standard input is the one who needs us. */
static void wait_for_end(rd_kafka_t *rk)
{
    char byte[64];

    for (;;) {
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
        int rc = poll(&input, 1, NAP_MS);

        rd_kafka_poll(rk, 0);
        if ((rc < 0 && errno != EINTR) ||
            (rc == 1 && read(STDIN_FILENO, byte, sizeof(byte)) <= 0)) {
            return;
        }
    }
}

struct arguments {
    struct command_texts topics;
};

static int run(const void *all)
{
    const struct arguments *arguments = all;
    char text[256] = "";
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *cluster = NULL;
    bool is_good;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_IGN); /* of a terminal's group: the sandbox says when it is over */
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text, sizeof(text));
    if (rk == NULL) {
        fprintf(stderr, "detour mock-broker: %s\n", text);
        return EXIT_CODE_NO;
    }
    cluster = rd_kafka_mock_cluster_new(rk, 1);
    is_good = cluster != NULL;
    for (size_t i = 0; i < arguments->topics.count && is_good; i++) {
        is_good = make_topic(cluster, arguments->topics.items[i]);
    }
    if (is_good) {
        printf("listening on %s\n", rd_kafka_mock_cluster_bootstraps(cluster));
        fflush(stdout);
        wait_for_end(rk);
    }
    if (cluster != NULL) {
        rd_kafka_mock_cluster_destroy(cluster);
    }
    rd_kafka_destroy(rk);
    return is_good ? EXIT_CODE_OK : EXIT_CODE_USAGE;
}

static const struct command_option options[] = {
    {.name = "topic",
     .argument = "NAME=PARTITIONS",
     .help = "a topic to begin with; repeatable",
     .wants = "NAME=PARTITIONS, and is there at most 64 times",
     .missing = "which topics? --topic NAME=PARTITIONS",
     .read = command_texts,
     .offset = offsetof(struct arguments, topics)},
};

const struct command mock_broker_command = {
    .name = "mock-broker",
    .about =
        "The sandbox's embedded broker, for trials only. Prints its address and runs until its "
        "standard input ends or its parent is gone.",
    .exits = "0 no longer needed, 1 it cannot run, 2 wrong usage",
    .options = options,
    .option_count = COUNT_OF(options),
    .arguments_bytes = sizeof(struct arguments),
    .run = run,
};
