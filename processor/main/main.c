/*
 * detour: one binary, one word for what it does. Each command reads its own options.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/check.h"
#include "app/run.h"
#include "app/status_command.h"
#include "app/topics_command.h"
#include "base/base.h"
#include "base/diag.h"
#include "rehearse/rehearse.h"
#include "trial/trial.h"

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *does; /* NULL: a child of another command, not for people */
} commands[] = {
    {"run", run_command, "the processor, in the foreground"},
    {"sandbox", sandbox_command, "an outage and the recovery, on this machine alone"},
    {"check", check_command, "validate configuration, schemas and routes"},
    {"topics", topics_command, "the topics a configuration needs; --create makes them"},
    {"rehearse", rehearse_command, "a failure trace against this table, on a virtual clock"},
    {"status", status_command, "the live state of every instance; --watch"},
    {"generate", generate_command, "realistic conversion events onto the source topic"},
    {"simulate", simulate_command, "the simulated Events API"},
    {"mock-broker", mock_broker_command, NULL},
};

/* Designed and not built yet: whoever types one is told that, not asked for his spelling. */
static const char *const planned[] = {"replay", "dlq",      "outages", "reconcile",
                                      "export", "override", "explain"};

static int usage(FILE *out, int code)
{
    fputs("usage: detour COMMAND [OPTIONS]\n\n"
          "Kafka fan-out to ad platforms with failover routing.\n\n",
          out);
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (commands[i].does != NULL) {
            fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].does);
        }
    }
    fputs("\n`detour COMMAND --help` tells the options; `detour --version` the version.\n"
          "New here? `detour sandbox` needs nothing else; docs/first-try.md is the same by hand.\n",
          out);
    return code;
}

static int unknown(const char *word)
{
    const char *names[COUNT_OF(commands)];
    const char *nearest;

    for (size_t i = 0; i < COUNT_OF(planned); i++) {
        if (strcmp(word, planned[i]) == 0) {
            fprintf(stderr, "detour: %s is not in this version (" DETOUR_VERSION ")\n", word);
            return EXIT_CODE_USAGE;
        }
    }
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        names[i] = commands[i].name;
    }
    nearest = suggest(span_of(word), names, COUNT_OF(names));
    fprintf(stderr, "detour: no command '%s'", word);
    if (nearest != NULL) {
        fprintf(stderr, "; did you mean '%s'?", nearest);
    }
    fputs("\n\n", stderr);
    return usage(stderr, EXIT_CODE_USAGE);
}

static int perform(int argc, char **argv)
{
    if (argc < 2) {
        return usage(stderr, EXIT_CODE_USAGE);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        return usage(stdout, 0);
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("detour " DETOUR_VERSION);
        return 0;
    }
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    return unknown(argv[1]);
}

/* A descriptor that was closed would be the next socket's, and log lines would go into it. What
 * stands in for standard output cannot be written: to have nowhere to print is an error. */
static void open_standard_descriptors(void)
{
    static const int modes[] = {O_RDONLY, O_RDONLY, O_WRONLY};

    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF && open("/dev/null", modes[fd]) != fd) {
            _exit(EXIT_CODE_NO);
        }
    }
}

/* `detour ... | head` has had enough. */
static bool is_reader_gone(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

/* What was printed is written only now, and a full disk is no success. */
static int finish(int code)
{
    bool had_failed = ferror(stdout) != 0;

    if (is_reader_gone()) { /* silently, as every other program */
        (void)signal(SIGPIPE, SIG_DFL);
        (void)raise(SIGPIPE);
    }

    if (fflush(stdout) == 0 && !had_failed) {
        return code;
    }
    fprintf(stderr, "detour: standard output cannot be written%s%s\n", had_failed ? "" : ": ",
            had_failed ? "" : strerror(errno));
    return code == EXIT_CODE_OK ? EXIT_CODE_NO : code;
}

int main(int argc, char **argv)
{
    open_standard_descriptors();
    (void)signal(SIGPIPE, SIG_IGN); /* a TLS connection that its peer has closed must not end us */
    return finish(perform(argc, argv));
}
