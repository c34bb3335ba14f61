#include "config/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/columns.h"
#include "base/diag.h"
#include "base/mem.h"
#include "config/yaml.h"

enum { HELP_COLUMNS = 80, HELP_BYTES_MAX = 64 * 1024, OPTIONS_MAX = 64, NAME_BYTES = 64 };

static const struct command_option help_option = {
    .name = "help", .letter = 'h', .help = "this text"};

/* The command line on its way through the table. */
struct parse {
    const struct command *command;
    int argc;
    char *const *argv;
    int at; /* the word at hand */
    char *arguments;
    uint64_t seen; /* a bit for each option */
    size_t words;
    bool is_help;
    struct err *err;
};

/* "--rate", or for a word its name. */
static const char *shown_name(const struct command_option *option, bool is_word,
                              char out[NAME_BYTES])
{
    (void)snprintf(out, NAME_BYTES, "%s%s", is_word ? "" : "--", option->name);
    return out;
}

static enum err_code read_value(struct parse *parse, const struct command_option *option,
                                bool is_word, const char *text)
{
    char name[NAME_BYTES];

    if (option->read(option, text, parse->arguments + option->offset)) {
        return ERR_OK;
    }
    return FAIL(parse->err, ERR_USAGE, "%s wants %s%s%.60s", shown_name(option, is_word, name),
                option->wants == NULL ? "a value" : option->wants,
                option->is_secret ? "" : ", not ", option->is_secret ? "" : text);
}

/* Unknown: with the option that was perhaps meant. */
static enum err_code refuse_option(const struct parse *parse, struct span name)
{
    const char *names[OPTIONS_MAX];
    const char *near;
    char dashed[NAME_BYTES];
    size_t count = parse->command->option_count;

    for (size_t i = 0; i < count; i++) {
        names[i] = parse->command->options[i].name;
    }
    names[count++] = help_option.name;
    near = suggest(name, names, count);
    if (near != NULL) {
        (void)snprintf(dashed, sizeof(dashed), "--%s", near);
    }
    return FAIL(parse->err, ERR_USAGE, "unknown option --%.*s%s", (int)MIN_OF(name.len, (size_t)60),
                name.ptr, did_you_mean(near == NULL ? NULL : dashed).text);
}

/* @value: what stood behind `=` or the letter; NULL: nothing, the next word is the value. */
static enum err_code take_option(struct parse *parse, const struct command_option *option,
                                 const char *value)
{
    if (option->argument == NULL && value != NULL) {
        return FAIL(parse->err, ERR_USAGE, "--%s takes no value", option->name);
    }
    if (option == &help_option) {
        parse->is_help = true;
        return ERR_OK;
    }
    if (option->argument != NULL && value == NULL) {
        if (parse->at + 1 >= parse->argc) {
            return FAIL(parse->err, ERR_USAGE, "--%s needs a value", option->name);
        }
        value = parse->argv[++parse->at];
    }
    parse->seen |= UINT64_C(1) << (option - parse->command->options);
    return read_value(parse, option, false, value == NULL ? "" : value);
}

static enum err_code take_long(struct parse *parse, const char *text)
{
    struct span name = {text, strcspn(text, "=")};
    const char *value = text[name.len] == '=' ? text + name.len + 1 : NULL;
    const struct command_option *found = span_is(name, help_option.name) ? &help_option : NULL;

    for (size_t i = 0; i < parse->command->option_count; i++) {
        if (span_is(name, parse->command->options[i].name)) {
            found = &parse->command->options[i];
        }
    }
    return found == NULL ? refuse_option(parse, name) : take_option(parse, found, value);
}

static enum err_code take_letter(struct parse *parse, const char *text)
{
    const struct command_option *found = text[0] == help_option.letter ? &help_option : NULL;

    for (size_t i = 0; i < parse->command->option_count; i++) {
        if (text[0] == parse->command->options[i].letter) {
            found = &parse->command->options[i];
        }
    }
    return found == NULL ? FAIL(parse->err, ERR_USAGE, "unknown option -%.60s", text)
                         : take_option(parse, found, text[1] == '\0' ? NULL : text + 1);
}

static enum err_code take_word(struct parse *parse, const char *text)
{
    const struct command *command = parse->command;

    if (parse->words == command->word_count) {
        return FAIL(parse->err, ERR_USAGE, "too many words: %.60s", text);
    }
    return read_value(parse, &command->words[parse->words++], true, text);
}

static enum err_code check_all(const struct parse *parse)
{
    const struct command *command = parse->command;
    const char *why = NULL;

    for (size_t i = command->word_count; i-- > parse->words;) {
        why = command->words[i].is_optional ? why : command->words[i].missing;
    }
    for (size_t i = command->option_count; i-- > 0;) {
        if (command->options[i].missing != NULL && (parse->seen >> i & 1) == 0) {
            why = command->options[i].missing;
        }
    }
    if (why == NULL && command->check != NULL) {
        why = command->check(parse->arguments);
    }
    return why == NULL ? ERR_OK : FAIL(parse->err, ERR_USAGE, "%s", why);
}

enum err_code command_parse(const struct command *command, int argc, char *const *argv,
                            void *arguments, bool *is_help, struct err *err)
{
    struct parse parse = {
        .command = command, .argc = argc, .argv = argv, .arguments = arguments, .err = err};
    bool are_words = false; /* behind -- */
    enum err_code rc = ERR_OK;

    PRE(command->option_count < OPTIONS_MAX);
    if (command->defaults != NULL) {
        memcpy(arguments, command->defaults, command->arguments_bytes);
    } else {
        memset(arguments, 0, command->arguments_bytes);
    }
    for (parse.at = 1; parse.at < argc && rc == ERR_OK && !parse.is_help; parse.at++) {
        const char *text = argv[parse.at];

        if (are_words || text[0] != '-' || text[1] == '\0') {
            rc = take_word(&parse, text);
        } else if (strcmp(text, "--") == 0) {
            are_words = true;
        } else {
            rc = text[1] == '-' ? take_long(&parse, text + 2) : take_letter(&parse, text + 1);
        }
    }
    *is_help = parse.is_help;
    return rc == ERR_OK && !parse.is_help ? check_all(&parse) : rc;
}

/* help */

/* "ls" of "dlq ls": what the user types behind the outer command's name. */
static const char *last_word(const struct command *command)
{
    const char *space = strrchr(command->name, ' ');

    return space == NULL ? command->name : space + 1;
}

/* Room for "usage: detour check -c FILE [options]" and nothing more: the rows say the rest. */
static void add_usage(const struct command *command, struct buf *out)
{
    bool has_more = false;

    if (command->run == NULL) {
        buf_printf(out, "usage: detour %s COMMAND [options]\n", command->name);
        return;
    }
    buf_printf(out, "usage: detour %s", command->name);
    for (size_t i = 0; i < command->option_count; i++) {
        const struct command_option *option = &command->options[i];

        if (option->missing == NULL) {
            has_more = true;
        } else if (option->letter != 0) {
            buf_printf(out, " -%c %s", option->letter, option->argument);
        } else {
            buf_printf(out, " --%s %s", option->name, option->argument);
        }
    }
    for (size_t i = 0; i < command->word_count; i++) {
        bool is_optional = command->words[i].is_optional;

        buf_printf(out, " %s%s%s", is_optional ? "[" : "", command->words[i].name,
                   is_optional ? "]" : "");
    }
    buf_add_text(out, has_more ? " [options]\n" : "\n");
}

static void add_left(const struct command_option *option, bool is_word, struct buf *out)
{
    if (is_word) {
        buf_printf(out, "  %s", option->name);
        return;
    }
    if (option->letter != 0) {
        buf_printf(out, "  -%c, --%s", option->letter, option->name);
    } else {
        buf_printf(out, "      --%s", option->name);
    }
    if (option->argument != NULL) {
        buf_printf(out, " %s", option->argument);
    }
}

static void add_folded(const char *text, size_t indent, struct buf *out)
{
    columns_fold(out, span_of(text), HELP_COLUMNS, indent);
    buf_add_char(out, '\n');
}

static void add_row(const struct command_option *option, bool is_word, size_t width,
                    struct buf *out)
{
    struct buf row;

    buf_init(&row, HELP_BYTES_MAX);
    add_left(option, is_word, &row);
    buf_printf(&row, "%*s%s", (int)(width - row.len), "", option->help);
    if (option->fallback != NULL) {
        buf_printf(&row, " (%s)", option->fallback);
    }
    add_folded(buf_text(&row), width, out);
    buf_fini(&row);
}

static size_t width_of(const struct command *command)
{
    size_t width = 0;
    struct buf left;

    buf_init(&left, HELP_BYTES_MAX);
    for (size_t i = 0; i < command->word_count; i++) {
        buf_clear(&left);
        add_left(&command->words[i], true, &left);
        width = MAX_OF(width, left.len);
    }
    for (size_t i = 0; i < command->option_count; i++) {
        buf_clear(&left);
        add_left(&command->options[i], false, &left);
        width = MAX_OF(width, left.len);
    }
    buf_clear(&left);
    add_left(&help_option, false, &left);
    width = MAX_OF(width, left.len);
    buf_fini(&left);
    return width + 2;
}

static void add_commands(const struct command *command, struct buf *out)
{
    size_t width = 0;
    struct buf row;

    for (size_t i = 0; i < command->command_count; i++) {
        width = MAX_OF(width, strlen(command->commands[i]->name));
    }
    buf_init(&row, HELP_BYTES_MAX);
    for (size_t i = 0; i < command->command_count; i++) {
        const struct command *own = command->commands[i];

        buf_clear(&row);
        buf_printf(&row, "  detour %-*s  %s", (int)width, own->name, own->summary);
        add_folded(buf_text(&row), width + 11, out);
    }
    buf_add_text(out, command->command_count > 0 ? "\n" : "");
    buf_fini(&row);
}

void command_help(const struct command *command, struct buf *out)
{
    size_t width = width_of(command);
    char exits[512];

    add_usage(command, out);
    buf_add_char(out, '\n');
    add_folded(command->about, 0, out);
    buf_add_char(out, '\n');
    add_commands(command, out);
    for (size_t i = 0; i < command->word_count; i++) {
        add_row(&command->words[i], true, width, out);
    }
    for (size_t i = 0; i < command->option_count; i++) {
        add_row(&command->options[i], false, width, out);
    }
    add_row(&help_option, false, width, out);
    buf_add_char(out, '\n');
    if (command->notes != NULL) {
        add_folded(command->notes, 0, out);
        buf_add_char(out, '\n');
    }
    (void)snprintf(exits, sizeof(exits), "Exit codes: %s.", command->exits);
    add_folded(exits, 0, out);
}

/* running */

static int explain(const struct command *command, const struct err *err)
{
    struct buf text;

    buf_init(&text, HELP_BYTES_MAX);
    if (err == NULL) {
        command_help(command, &text);
        (void)fputs(buf_text(&text), stdout);
    } else {
        add_usage(command, &text);
        fprintf(stderr, "detour %s: %s\n%s`detour %s --help` tells the options.\n", command->name,
                err->text, buf_text(&text), command->name);
    }
    buf_fini(&text);
    return err == NULL ? EXIT_CODE_OK : EXIT_CODE_USAGE;
}

const struct command *command_pick(const struct command *command, int *argc, char *const **argv)
{
    for (size_t i = 0; i<command->command_count && * argc> 1; i++) {
        if (strcmp((*argv)[1], last_word(command->commands[i])) == 0) {
            (*argc)--;
            (*argv)++;
            return command_pick(command->commands[i], argc, argv);
        }
    }
    return command;
}

/* Of a command that runs only by its own commands, and none of them was named. */
static enum err_code refuse_group(const struct command *command, int argc, char *const *argv,
                                  bool *is_help, struct err *err)
{
    const char *names[OPTIONS_MAX];
    const char *near;

    PRE(command->command_count > 0 && command->command_count < OPTIONS_MAX);
    *is_help = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    if (*is_help) {
        return ERR_OK;
    }
    for (size_t i = 0; i < command->command_count; i++) {
        names[i] = last_word(command->commands[i]);
    }
    near = argc > 1 ? suggest(span_of(argv[1]), names, command->command_count) : NULL;
    return argc > 1 ? FAIL(err, ERR_USAGE, "no command '%.60s'%s", argv[1], did_you_mean(near).text)
                    : FAIL(err, ERR_USAGE, "which command?");
}

int command_perform(const struct command *command, int argc, char *const *argv)
{
    void *arguments = mem_zero(1, MAX_OF(command->arguments_bytes, (size_t)1));
    bool is_help = false;
    struct err err;
    enum err_code rc = command->run == NULL
                           ? refuse_group(command, argc, argv, &is_help, &err)
                           : command_parse(command, argc, argv, arguments, &is_help, &err);
    int code;

    if (rc != ERR_OK || is_help) {
        code = explain(command, rc == ERR_OK ? NULL : &err);
    } else {
        code = command->run(arguments);
    }
    free(arguments);
    return code;
}

int command_exit_code(enum err_code code)
{
    switch (code) {
    case ERR_OK:
        return EXIT_CODE_OK;
    case ERR_CONFIG:
    case ERR_USAGE:
    case ERR_ABSENT:
        return EXIT_CODE_USAGE;
    case ERR_NET:
        return EXIT_CODE_NET;
    case ERR_DATA:
    case ERR_LIMIT:
    case ERR_IO:
    case ERR_BUSY:
    case ERR_STATE:
        break;
    }
    return EXIT_CODE_NO;
}

/* readers */

bool command_flag(const struct command_option *option, const char *text, void *field)
{
    (void)option;
    (void)text;
    *(bool *)field = true;
    return true;
}

bool command_text(const struct command_option *option, const char *text, void *field)
{
    (void)option;
    *(const char **)field = text;
    return text[0] != '\0';
}

bool command_texts(const struct command_option *option, const char *text, void *field)
{
    struct command_texts *texts = field;

    (void)option;
    if (texts->count == COMMAND_TEXTS_MAX || text[0] == '\0') {
        return false;
    }
    texts->items[texts->count++] = text;
    return true;
}

bool command_number(const struct command_option *option, const char *text, void *field)
{
    int64_t high = option->high == 0 ? INT64_MAX : option->high;
    int64_t number;

    if (!span_to_i64(span_of(text), &number) || number < option->low || number > high) {
        return false;
    }
    memcpy(field, &number, sizeof(number));
    return true;
}

bool command_share(const struct command_option *option, const char *text, void *field)
{
    double *share = field;

    (void)option;
    return value_percent(span_of(text), share) && *share <= 1.0;
}

bool command_rate(const struct command_option *option, const char *text, void *field)
{
    double *rate = field;

    return (value_rate(span_of(text), rate) || span_to_double(span_of(text), rate)) &&
           *rate >= (double)option->low && (option->high == 0 || *rate <= (double)option->high);
}

bool command_duration(const struct command_option *option, const char *text, void *field)
{
    (void)option;
    return value_duration(span_of(text), field);
}

bool command_size(const struct command_option *option, const char *text, void *field)
{
    uint64_t *bytes = field;

    (void)option;
    return value_size(span_of(text), bytes) && *bytes > 0;
}
