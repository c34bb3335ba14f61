/**
 * child - a process of our own binary: started, listened to, stopped.
 *
 * It dies with us (PR_SET_PDEATHSIG, and its standard input ends), is not in the
 * terminal's process group, so that Ctrl-C reaches us alone, and writes what it prints and
 * logs into one file. There we look for what it says when it is ready, and the end of it is
 * shown when something goes wrong.
 */
#ifndef TRIAL_CHILD_H
#define TRIAL_CHILD_H

#include <stdio.h>
#include <sys/types.h>

#include "base/err.h"

enum { CHILD_WORD_BYTES = 512 };

struct child {
    const char *name; /* for messages; static */
    pid_t pid;        /* 0: not started, or waited for */
    int stdin_fd;     /* ours: closing it tells the child to end; -1: none */
    char *log_path;   /* owned */
    int status;       /* as waitpid() gives it, once it has ended */
    bool has_ended;
};

/** Run /proc/self/exe with @argv (NULL at the end; argv[0] is the command). */
NODISCARD enum err_code child_start(struct child *child, const char *name, const char *log_path,
                                    const char *const *argv, struct err *err);
/** What follows @marker in its file up to a blank, quote or line end, within @timeout_ms. */
NODISCARD enum err_code child_word(struct child *child, const char *marker, uint64_t timeout_ms,
                                   char out[CHILD_WORD_BYTES], struct err *err);
/** Has it ended? Looks, does not wait. */
bool child_has_ended(struct child *child);
/** Its exit code when it has ended by itself, or -1. */
int child_exit_code(const struct child *child);
/** Send @signal, wait; SIGKILL after @timeout_ms. True when it ended within its time. */
bool child_stop(struct child *child, int signal, uint64_t timeout_ms);
/** The last lines of its log, indented, onto @out. */
void child_tail(const struct child *child, FILE *out);
/** Kill it if it runs, close, free. */
void child_fini(struct child *child);

#endif /* TRIAL_CHILD_H */
