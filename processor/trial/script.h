/**
 * script - an operator's commands, run one after another as children of the sandbox while the
 * traffic goes on.
 *
 * Each is shown as a person would type it, with what it printed, when it has ended. The first one
 * that does not end with 0 ends the script. One thread; nothing here waits but script_finish().
 */
#ifndef TRIAL_SCRIPT_H
#define TRIAL_SCRIPT_H

#include "trial/child.h"
#include "trial/show.h"

#define SCRIPT_OUTPUT "command.out" /* in the working directory; the command's at hand */

struct script {
    const char *next; /* the rest of the commands; static text */
    char *line;       /* owned; the command that runs; NULL: none */
    struct child child;
    bool has_failed;
};

/** @commands: one a line, words with a blank between; NULL: none. Keeps it. */
void script_begin(struct script *script, const char *commands);
/** Start the next command, or show the one that has ended. ERR_IO when none can be started. */
NODISCARD enum err_code script_turn(struct script *script, struct show *show, struct err *err);
/** Turn until every command has ended, @timeout_ms for each. */
NODISCARD enum err_code script_finish(struct script *script, uint64_t timeout_ms, struct show *show,
                                      struct err *err);
/** Nothing runs and nothing is to come. */
bool script_has_ended(const struct script *script);
void script_fini(struct script *script);

#endif /* TRIAL_SCRIPT_H */
