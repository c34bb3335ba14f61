#include "trial/script.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

enum { WORDS_MAX = 24, NAP_MS = 20, OUTPUT_BYTES_MAX = 64 << 10 };

void script_begin(struct script *script, const char *commands)
{
    *script = (struct script){.next = commands, .child = {.stdin_fd = -1}};
}

bool script_has_ended(const struct script *script)
{
    return script->line == NULL && (script->next == NULL || script->has_failed);
}

static enum err_code start_next(struct script *script, struct err *err)
{
    const char *end = strchrnul(script->next, '\n');
    const char *argv[WORDS_MAX + 1] = {NULL};
    size_t count = 0;
    char *rest = NULL;
    char *words;
    enum err_code rc;

    script->line = mem_text((struct span){script->next, (size_t)(end - script->next)});
    script->next = *end == '\0' ? NULL : end + 1;
    words = mem_text(span_of(script->line));
    for (char *word = strtok_r(words, " ", &rest); word != NULL && count < WORDS_MAX;
         word = strtok_r(NULL, " ", &rest)) {
        argv[count++] = word;
    }
    rc = child_start(&script->child, "the command", SCRIPT_OUTPUT, argv, err);
    free(words);
    return rc;
}

static void show_output(const struct script *script, struct show *show)
{
    char *text = mem_zero(OUTPUT_BYTES_MAX + 1, 1);
    FILE *file = fopen(SCRIPT_OUTPUT, "re");

    if (file != NULL) {
        text[fread(text, 1, OUTPUT_BYTES_MAX, file)] = '\0';
        fclose(file);
    }
    show_clear(show);
    fprintf(show->out, "\n$ detour %s\n%s%s", script->line, text, script->next == NULL ? "\n" : "");
    fflush(show->out);
    free(text);
}

static void end_line(struct script *script, struct show *show)
{
    int code = child_exit_code(&script->child);

    show_output(script, show);
    if (code != 0) {
        show_line(show, "  not as it should be: the command ended with %d", code);
        script->has_failed = true;
    }
    child_fini(&script->child);
    free(script->line);
    script->line = NULL;
}

enum err_code script_turn(struct script *script, struct show *show, struct err *err)
{
    if (script_has_ended(script)) {
        return ERR_OK;
    }
    if (script->line == NULL) {
        return start_next(script, err);
    }
    if (child_has_ended(&script->child)) {
        end_line(script, show);
    }
    return ERR_OK;
}

enum err_code script_finish(struct script *script, uint64_t timeout_ms, struct show *show,
                            struct err *err)
{
    enum err_code rc = script_turn(script, show, err);
    uint64_t until_ms = clock_mono_ms() + timeout_ms;

    while (rc == ERR_OK && !script_has_ended(script)) {
        poll(NULL, 0, NAP_MS);
        if (script->line == NULL) {
            until_ms = clock_mono_ms() + timeout_ms;
        } else if (clock_mono_ms() >= until_ms) {
            (void)child_stop(&script->child, SIGKILL, timeout_ms);
        }
        rc = script_turn(script, show, err);
    }
    return rc;
}

void script_fini(struct script *script)
{
    child_fini(&script->child);
    free(script->line);
    *script = (struct script){.child = {.stdin_fd = -1}};
}
