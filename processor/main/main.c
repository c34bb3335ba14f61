/*
 * detour: one binary, one word for what it does. Each command has a table of its options
 * (commands.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "base/diag.h"
#include "base/signals.h"
#include "main/commands.h"

/* Designed and not built yet: whoever types one is told that, not asked for his spelling. */
static const char *const planned[] = {"override", "explain"};

static int usage(FILE *out, int code)
{
    fputs("usage: detour COMMAND [OPTIONS]\n\n"
          "Kafka fan-out to ad platforms with failover routing.\n\n",
          out);
    for (size_t i = 0; i < command_count; i++) {
        if (commands[i]->summary != NULL) {
            fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
        }
    }
    fputs("\n`detour COMMAND --help` tells the options; `detour --version` the version.\n"
          "New here? `detour sandbox` needs nothing else; docs/first-try.md is the same by hand.\n",
          out);
    return code;
}

static int unknown(const char *word)
{
    const char *names[COMMANDS_MAX];

    for (size_t i = 0; i < COUNT_OF(planned); i++) {
        if (strcmp(word, planned[i]) == 0) {
            fprintf(stderr, "detour: %s is not in this version (" DETOUR_VERSION ")\n", word);
            return EXIT_CODE_USAGE;
        }
    }
    for (size_t i = 0; i < command_count; i++) {
        names[i] = commands[i]->name;
    }
    fprintf(stderr, "detour: no command '%s'%s\n\n", word,
            did_you_mean(suggest(span_of(word), names, command_count)).text);
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
    for (size_t i = 0; i < command_count; i++) {
        if (strcmp(argv[1], commands[i]->name) == 0) {
            int words = argc - 1;
            char *const *line = argv + 1;
            const struct command *command = command_pick(commands[i], &words, &line);

            if (!command->takes_signals) {
                signals_unblock();
            }
            return command_perform(command, words, line);
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
    sigset_t signals;

    signals_block(&signals); /* first: until a command takes them they wait, and end nothing */
    open_standard_descriptors();
    (void)signal(SIGPIPE, SIG_IGN); /* a TLS connection that its peer has closed must not end us */
    return finish(perform(argc, argv));
}
