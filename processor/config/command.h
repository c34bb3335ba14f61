/**
 * command - the command line: one table for each command, one parser for all of them.
 *
 * A table says everything a user has to know: the options, their values and defaults, the words
 * without dashes, the exit codes. The parser, --help and the error messages work from it, and a
 * manual page or a shell completion can be written from it.
 *
 * Options are spelled `--name VALUE`, `--name=VALUE`, `-c VALUE` or `-cVALUE`, in any order with
 * the words; after `--` everything is a word. Names are not abbreviated: a new option would change
 * what an abbreviation means. Of an option that is given twice the last value counts, unless its
 * reader collects them.
 *
 * A command may have commands of its own (`detour dlq ls`): each is a table like any other, and
 * its name is what the user types, "dlq ls". Where the first word is none of them, the command
 * itself runs, if it can (`detour replay`, beside `detour replay list`).
 *
 * A command's arguments are a struct of its own: each row names the reader of a value and the
 * offset of the field it goes to. Texts in it point into argv. No thread, no global state.
 */
#ifndef CONFIG_COMMAND_H
#define CONFIG_COMMAND_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* What a command tells the shell. */
enum { EXIT_CODE_OK = 0, EXIT_CODE_NO = 1, EXIT_CODE_USAGE = 2, EXIT_CODE_NET = 3 };

enum { COMMAND_TEXTS_MAX = 64 };

struct command_option;

/** Read @text into @field. False: it is not what the option wants. */
typedef bool command_reader(const struct command_option *option, const char *text, void *field);

/* One option, or one word without dashes. */
struct command_option {
    const char *name;     /* "rate": --rate. Of a word what help calls it: "TRACE.yaml" */
    char letter;          /* 'c': -c as well; 0: none */
    bool is_secret;       /* its value is never repeated in an error */
    bool is_optional;     /* of a word: it may be left out, and so may all behind it */
    const char *argument; /* what help calls the value: "N/s"; NULL: the option takes none */
    const char *help;     /* what it does, one paragraph */
    const char *fallback; /* the value where it is not given; NULL: none worth telling */
    const char *wants;    /* behind "--rate wants": what a value looks like; NULL: any text */
    const char *missing;  /* the error where it is not given; NULL: it may be left out */
    command_reader *read;
    size_t offset;     /* of the field in the command's arguments */
    int64_t low, high; /* bounds of a number; high 0: none */
};

struct command {
    const char *name;    /* "dlq"; of a command of its own "dlq ls" */
    const char *summary; /* its line in `detour --help`; NULL: a child of another command, hidden */
    const char *about;   /* what it is for, one paragraph */
    const char *notes;   /* behind the options in --help; or NULL */
    const char *exits;   /* "0 all is right, 1 it is not, ..." */
    const struct command_option *options;
    size_t option_count;
    const struct command_option *words; /* in this order; needed unless they are optional */
    size_t word_count;
    const struct command *const *commands; /* of its own; NULL: none */
    size_t command_count;
    size_t arguments_bytes;
    const void *defaults;                        /* arguments as they begin; NULL: zero */
    const char *(*check)(const void *arguments); /* what does not go together; NULL: all is well */
    int (*run)(const void *arguments); /* gives the exit code; NULL: only its commands run */
    bool takes_signals; /* SIGTERM, SIGINT and SIGHUP are blocked when run() begins */
};

/** Read the words behind the command's own name, argv[0]. *@is_help: --help was among them, and
 * what follows it was not looked at. ERR_USAGE with the reason. */
NODISCARD enum err_code command_parse(const struct command *command, int argc, char *const *argv,
                                      void *arguments, bool *is_help, struct err *err);
/** @command, or that of its own commands which argv[1] names; then *@argc and *@argv begin there.
 */
const struct command *command_pick(const struct command *command, int *argc, char *const **argv);
/** What --help prints. */
void command_help(const struct command *command, struct buf *out);
/** Read, then run; or explain. Gives the exit code. */
int command_perform(const struct command *command, int argc, char *const *argv);
/** The exit code of an error: 2 for what the user wrote, 3 for a service, 1 otherwise. */
int command_exit_code(enum err_code code);

/* Readers, and the type of the field. */
bool command_flag(const struct command_option *option, const char *text, void *field); /* bool */
bool command_text(const struct command_option *option, const char *text,
                  void *field); /* const char *; not empty */
bool command_texts(const struct command_option *option, const char *text,
                   void *field); /* struct command_texts */
bool command_number(const struct command_option *option, const char *text,
                    void *field); /* int64_t or uint64_t, within low..high */
bool command_share(const struct command_option *option, const char *text,
                   void *field); /* double from 0 to 1: "5%" */
bool command_rate(const struct command_option *option, const char *text,
                  void *field); /* double a second within low..high: "10/s", "10" */
bool command_duration(const struct command_option *option, const char *text,
                      void *field); /* uint64_t, ms: "30s" */
bool command_size(const struct command_option *option, const char *text,
                  void *field); /* uint64_t, bytes, > 0: "8MiB" */

/* Rows that most commands have, for a field of their arguments. */
#define COMMAND_CONFIG(arguments, field)                                                           \
    {                                                                                              \
        .name = "config", .letter = 'c', .argument = "FILE",                                       \
        .help = "the configuration (see docs/configuration.md)",                                   \
        .missing = "which configuration? -c FILE", .read = command_text,                           \
        .offset = offsetof(arguments, field)                                                       \
    }
#define COMMAND_JSON(arguments, field)                                                             \
    {                                                                                              \
        .name = "json", .help = "one JSON document on stdout", .read = command_flag,               \
        .offset = offsetof(arguments, field)                                                       \
    }
#define COMMAND_NO_SECRETS(arguments, field)                                                       \
    {                                                                                              \
        .name = "no-secrets",                                                                      \
        .help =                                                                                    \
            "secrets ({env}, {file}, private keys) need not be there; nothing else is relaxed",    \
        .read = command_flag, .offset = offsetof(arguments, field)                                 \
    }

/* An option that may be given several times. */
struct command_texts {
    const char *items[COMMAND_TEXTS_MAX];
    size_t count;
};

#endif /* CONFIG_COMMAND_H */
