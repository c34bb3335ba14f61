/* The command line: what the parser takes, what it refuses and in which words, what --help prints.
 */
#include "config/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/check.h"
#include "app/run.h"
#include "app/status_command.h"
#include "app/topics_command.h"
#include "recovery/dlq.h"
#include "rehearse/rehearse.h"
#include "trial/trial.h"

struct arguments {
    const char *path, *word;
    bool is_json;
    int64_t count;
    double share, rate;
    uint64_t wait_ms, bytes;
    struct command_texts names;
};

static const char *check_arguments(const void *all)
{
    const struct arguments *arguments = all;

    return arguments->is_json && arguments->count > 5 ? "--json prints at most 5" : NULL;
}

static const struct arguments defaults = {.count = 3, .rate = 100.0};

static const struct command_option words[] = {
    {.name = "TRACE.yaml",
     .help = "what happens",
     .missing = "which trace? a YAML file",
     .read = command_text,
     .offset = offsetof(struct arguments, word)},
};

static const struct command_option options[] = {
    {.name = "config",
     .letter = 'c',
     .argument = "FILE",
     .help = "the configuration",
     .missing = "which configuration? -c FILE",
     .read = command_text,
     .offset = offsetof(struct arguments, path)},
    {.name = "count",
     .argument = "N",
     .help =
         "how many of them are wanted, of which this text says more than one line of a terminal "
         "can hold",
     .fallback = "3",
     .wants = "a number from 1 to 10",
     .low = 1,
     .high = 10,
     .read = command_number,
     .offset = offsetof(struct arguments, count)},
    {.name = "share",
     .argument = "5%",
     .help = "a share",
     .wants = "a share",
     .read = command_share,
     .offset = offsetof(struct arguments, share)},
    {.name = "rate",
     .argument = "N/s",
     .help = "a rate",
     .wants = "a rate from 1 to 2000",
     .low = 1,
     .high = 2000,
     .read = command_rate,
     .offset = offsetof(struct arguments, rate)},
    {.name = "wait",
     .argument = "30s",
     .help = "a duration",
     .wants = "a duration",
     .read = command_duration,
     .offset = offsetof(struct arguments, wait_ms)},
    {.name = "max-body",
     .argument = "SIZE",
     .help = "a size",
     .wants = "a size",
     .read = command_size,
     .offset = offsetof(struct arguments, bytes)},
    {.name = "token",
     .argument = "T",
     .help = "a secret; repeatable",
     .is_secret = true,
     .wants = "a token, at most 64 times",
     .read = command_texts,
     .offset = offsetof(struct arguments, names)},
    {.name = "json",
     .help = "for machines",
     .read = command_flag,
     .offset = offsetof(struct arguments, is_json)},
};

static int run(const void *all)
{
    const struct arguments *arguments = all;

    return (int)arguments->count;
}

static const struct command command = {
    .name = "play",
    .about = "Plays.",
    .notes = "More of it.",
    .exits = "0 played, 2 wrong usage",
    .options = options,
    .option_count = COUNT_OF(options),
    .words = words,
    .word_count = COUNT_OF(words),
    .arguments_bytes = sizeof(struct arguments),
    .defaults = &defaults,
    .check = check_arguments,
    .run = run,
};

enum { WORDS_MAX = 9 };

/* ERR_OK leaves @text empty. */
static enum err_code parse(const char *const *line, struct arguments *out, bool *is_help,
                           struct err *err)
{
    char *argv[WORDS_MAX + 1] = {(char *)"play"};
    int argc = 1;

    while (argc <= WORDS_MAX && line[argc - 1] != NULL) {
        argv[argc] = (char *)line[argc - 1];
        argc++;
    }
    *err = (struct err){0};
    return command_parse(&command, argc, argv, out, is_help, err);
}

static const struct {
    const char *name;
    const char *line[WORDS_MAX];
    const char *path, *word;
    int64_t count;
    bool is_json;
} taken[] = {
    {"what is needed", {"-c", "x.yaml", "t.yaml"}, "x.yaml", "t.yaml", 3, false},
    {"the word first", {"t.yaml", "-c", "x.yaml"}, "x.yaml", "t.yaml", 3, false},
    {"the letter and its value in one", {"-cx.yaml", "t"}, "x.yaml", "t", 3, false},
    {"the long name", {"--config", "x", "t"}, "x", "t", 3, false},
    {"with an equals sign", {"--config=x=y", "t"}, "x=y", "t", 3, false},
    {"a flag between", {"-c", "x", "--json", "t"}, "x", "t", 3, true},
    {"a number", {"-c", "x", "--count", "5", "t"}, "x", "t", 5, false},
    {"the last value counts", {"-c", "x", "-c", "y", "t"}, "y", "t", 3, false},
    {"a value that looks like an option", {"-c", "--json", "t"}, "--json", "t", 3, false},
    {"everything behind -- is a word", {"-c", "x", "--", "--json"}, "x", "--json", 3, false},
    {"a dash alone is a word", {"-c", "x", "-"}, "x", "-", 3, false},
};

static void a_line_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(taken); i++) {
        struct arguments out;
        bool is_help;
        struct err err;

        if (parse(taken[i].line, &out, &is_help, &err) != ERR_OK || is_help) {
            fail_msg("%s: %s", taken[i].name, err.text);
        }
        if (strcmp(out.path, taken[i].path) != 0 || strcmp(out.word, taken[i].word) != 0 ||
            out.count != taken[i].count || out.is_json != taken[i].is_json) {
            fail_msg("%s: %s, %s, %lld", taken[i].name, out.path, out.word, (long long)out.count);
        }
    }
}

static const struct {
    const char *name;
    const char *line[WORDS_MAX];
    const char *want;
} refused[] = {
    {"nothing", {NULL}, "which configuration? -c FILE"},
    {"no word", {"-c", "x"}, "which trace? a YAML file"},
    {"two words", {"-c", "x", "t", "u"}, "too many words: u"},
    {"an empty word", {"-c", "x", ""}, "TRACE.yaml wants a value, not "},
    {"a misspelled option", {"--cuont", "3"}, "unknown option --cuont; did you mean --count?"},
    {"an option of another world", {"--frequency"}, "unknown option --frequency"},
    {"an abbreviation", {"--jso"}, "unknown option --jso; did you mean --json?"},
    {"help, misspelled", {"--hlep"}, "unknown option --hlep; did you mean --help?"},
    {"an unknown letter", {"-x"}, "unknown option -x"},
    {"letters together", {"-hc"}, "--help takes no value"},
    {"no value", {"--count"}, "--count needs a value"},
    {"no value of a letter", {"-c"}, "--config needs a value"},
    {"a value for a flag", {"--json=yes"}, "--json takes no value"},
    {"help with a value", {"--help=me"}, "--help takes no value"},
    {"an empty value", {"--config="}, "--config wants a value, not "},
    {"a word for a number", {"--count", "many"}, "--count wants a number from 1 to 10, not many"},
    {"a number too small", {"--count", "0"}, "--count wants a number from 1 to 10, not 0"},
    {"a number too large", {"--count=11"}, "--count wants a number from 1 to 10, not 11"},
    {"a share without its sign", {"--share", "10"}, "--share wants a share, not 10"},
    {"a share above all", {"--share", "101%"}, "--share wants a share, not 101%"},
    {"a rate too large", {"--rate", "2001"}, "--rate wants a rate from 1 to 2000, not 2001"},
    {"a rate that is none", {"--rate", "nan"}, "--rate wants a rate from 1 to 2000, not nan"},
    {"a size of nothing", {"--max-body", "0"}, "--max-body wants a size, not 0"},
    {"a secret is not repeated", {"--token", ""}, "--token wants a token, at most 64 times"},
    {"what does not go together",
     {"-c", "x", "t", "--json", "--count", "6"},
     "--json prints at most 5"},
};

static void a_line_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct arguments out;
        bool is_help;
        struct err err;

        if (parse(refused[i].line, &out, &is_help, &err) != ERR_USAGE) {
            fail_msg("%s: taken", refused[i].name);
        }
        if (strcmp(err.text, refused[i].want) != 0) {
            fail_msg("%s: %s", refused[i].name, err.text);
        }
    }
}

static void values_have_their_types(void **state)
{
    static const char *const line[] = {"-cx",       "t",          "--share=5%", "--rate=600/m",
                                       "--wait=2m", "--token=ab", "--token=cd", "--max-body=1MiB",
                                       NULL};
    struct arguments out;
    bool is_help;
    struct err err;

    (void)state;
    assert_int_equal(parse(line, &out, &is_help, &err), ERR_OK);
    assert_true(out.share > 0.0499 && out.share < 0.0501);
    assert_true(out.rate > 9.99 && out.rate < 10.01);
    assert_int_equal(out.wait_ms, 120000);
    assert_int_equal(out.bytes, 1 << 20);
    assert_int_equal(out.names.count, 2);
    assert_string_equal(out.names.items[1], "cd");
}

static void help_comes_before_what_is_missing_and_what_follows(void **state)
{
    static const char *const lines[][WORDS_MAX] = {
        {"--help"}, {"-h"}, {"--json", "--help", "--nonsense"}, {"-c", "x", "-h", "a", "b", "c"}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct arguments out;
        bool is_help = false;
        struct err err;

        assert_int_equal(parse(lines[i], &out, &is_help, &err), ERR_OK);
        assert_true(is_help);
    }
}

static void help_is_written_from_the_table(void **state)
{
    static const char want[] = "usage: detour play -c FILE TRACE.yaml [options]\n"
                               "\n"
                               "Plays.\n"
                               "\n"
                               "  TRACE.yaml           what happens\n"
                               "  -c, --config FILE    the configuration\n"
                               "      --count N        how many of them are wanted, of which this "
                               "text says more\n"
                               "                       than one line of a terminal can hold (3)\n"
                               "      --share 5%       a share\n"
                               "      --rate N/s       a rate\n"
                               "      --wait 30s       a duration\n"
                               "      --max-body SIZE  a size\n"
                               "      --token T        a secret; repeatable\n"
                               "      --json           for machines\n"
                               "  -h, --help           this text\n"
                               "\n"
                               "More of it.\n"
                               "\n"
                               "Exit codes: 0 played, 2 wrong usage.\n";
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 16);
    command_help(&command, &out);
    assert_string_equal(buf_text(&out), want);
    buf_fini(&out);
}

static void what_was_read_is_run(void **state)
{
    char *good[] = {(char *)"play", (char *)"-cx", (char *)"t", (char *)"--count=7"};

    (void)state;
    assert_int_equal(command_perform(&command, COUNT_OF(good), good), 7);
    assert_int_equal(command_perform(&command, 1, good), EXIT_CODE_USAGE);
}

/* What a table has to have so that help, errors and whatever is generated from it are complete. */
static void check_rows(const struct command *one, const struct command_option *rows, size_t count,
                       bool are_words)
{
    for (size_t i = 0; i < count; i++) {
        const struct command_option *row = &rows[i];
        bool has_value = are_words || row->argument != NULL;

        if (row->name == NULL || row->help == NULL || row->read == NULL ||
            (are_words && (row->missing == NULL) != row->is_optional) ||
            row->offset >= one->arguments_bytes ||
            (has_value && row->wants == NULL && row->read != command_text)) {
            fail_msg("%s: row %zu is not complete", one->name, i);
        }
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(rows[k].name, row->name);
        }
    }
}

/* commands of its own */

static int run_list(const void *all)
{
    const struct arguments *arguments = all;

    return arguments->word == NULL ? 20 : 21;
}

static const struct command_option list_words[] = {
    {.name = "NAME",
     .help = "one of them",
     .is_optional = true,
     .read = command_text,
     .offset = offsetof(struct arguments, word)},
};

static const struct command list_command = {
    .name = "group list",
    .summary = "what there is",
    .about = "Lists.",
    .exits = "0 listed",
    .words = list_words,
    .word_count = COUNT_OF(list_words),
    .arguments_bytes = sizeof(struct arguments),
    .run = run_list,
};

static int run_cancel(const void *all)
{
    (void)all;
    return 30;
}

static const struct command cancel_command = {
    .name = "group cancel",
    .summary = "end it",
    .about = "Ends.",
    .exits = "0 ended",
    .run = run_cancel,
};
static const struct command *const group_commands[] = {&list_command, &cancel_command};
static const struct command group_command = {
    .name = "group",
    .about = "Groups.",
    .exits = "0 all is well",
    .commands = group_commands,
    .command_count = COUNT_OF(group_commands),
};

static const struct {
    const char *name;
    const char *line[4];
    bool can_run; /* the outer command itself */
    int want;
} group_cases[] = {
    {"a command of its own", {"list"}, false, 20},
    {"with an optional word", {"list", "x"}, false, 21},
    {"with a word too many", {"list", "x", "y"}, false, EXIT_CODE_USAGE},
    {"another", {"cancel"}, false, 30},
    {"none", {NULL}, false, EXIT_CODE_USAGE},
    {"one that is not there", {"lits"}, false, EXIT_CODE_USAGE},
    {"help", {"--help"}, false, EXIT_CODE_OK},
    {"help of its own command", {"list", "-h"}, false, EXIT_CODE_OK},
    {"where the outer one runs too", {"cancel"}, true, 30},
    {"the outer one", {"-cx", "t"}, true, 3},
    {"the outer one with a word that is no command", {"-cx", "lits"}, true, 3},
};

static void a_command_has_commands_of_its_own(void **state)
{
    struct command both = command;

    (void)state;
    both.commands = group_commands;
    both.command_count = COUNT_OF(group_commands);
    for (size_t i = 0; i < COUNT_OF(group_cases); i++) {
        char *typed[5] = {(char *)"group"};
        char *const *argv = typed;
        int argc = 1;
        const struct command *picked = group_cases[i].can_run ? &both : &group_command;
        int code;

        while (argc < 5 && group_cases[i].line[argc - 1] != NULL) {
            typed[argc] = (char *)group_cases[i].line[argc - 1];
            argc++;
        }
        picked = command_pick(picked, &argc, &argv);
        code = command_perform(picked, argc, argv);
        if (code != group_cases[i].want) {
            fail_msg("%s: %d", group_cases[i].name, code);
        }
    }
}

static void help_names_its_own_commands(void **state)
{
    static const char want[] = "usage: detour group COMMAND [options]\n"
                               "\n"
                               "Groups.\n"
                               "\n"
                               "  detour group list    what there is\n"
                               "  detour group cancel  end it\n"
                               "\n"
                               "  -h, --help  this text\n"
                               "\n"
                               "Exit codes: 0 all is well.\n";
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 16);
    command_help(&group_command, &out);
    assert_string_equal(buf_text(&out), want);
    buf_clear(&out);
    command_help(&list_command, &out);
    assert_int_equal(strncmp(buf_text(&out), "usage: detour group list [NAME]\n", 32), 0);
    buf_fini(&out);
}

static void every_table_is_complete(void **state)
{
    static const struct command *const all[] = {
        &run_command,         &sandbox_command,  &check_command,    &topics_command,
        &rehearse_command,    &status_command,   &generate_command, &simulate_command,
        &mock_broker_command, &command,          &dlq_ls_command,   &dlq_show_command,
        &dlq_stats_command,   &dlq_tail_command, &dlq_skip_command, &dlq_purge_command};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        struct buf help;

        assert_non_null(all[i]->about);
        assert_non_null(all[i]->exits);
        assert_non_null(all[i]->run);
        check_rows(all[i], all[i]->options, all[i]->option_count, false);
        check_rows(all[i], all[i]->words, all[i]->word_count, true);
        buf_init(&help, 1 << 16);
        command_help(all[i], &help);
        assert_false(help.is_overflowed);
        buf_fini(&help);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_taken),
        cmocka_unit_test(a_line_is_refused),
        cmocka_unit_test(values_have_their_types),
        cmocka_unit_test(help_comes_before_what_is_missing_and_what_follows),
        cmocka_unit_test(help_is_written_from_the_table),
        cmocka_unit_test(what_was_read_is_run),
        cmocka_unit_test(a_command_has_commands_of_its_own),
        cmocka_unit_test(help_names_its_own_commands),
        cmocka_unit_test(every_table_is_complete),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
