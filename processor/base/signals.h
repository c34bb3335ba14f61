/**
 * signals - SIGTERM and SIGINT: which thread takes them, and when they end the process at once.
 *
 * main() blocks them first: from then on a signal waits and ends nothing. A command that does not
 * handle signals unblocks them. A signal while the loader still links the libraries (about 15 ms)
 * has its default action; no program can change that.
 *
 * In `run` all threads have them blocked. While workers run, the main thread waits for signals and
 * drains. Before the first worker and after the last one a library call may hang; then the thread
 * of a signal_watch ends the process. A signal that counts as the one before (base/stop.h) ends
 * nothing, and SIGHUP never does.
 *
 * The command owns the watch and its thread. If the thread cannot be started, the watch is off.
 */
#ifndef BASE_SIGNALS_H
#define BASE_SIGNALS_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/stop.h"

struct signal_watch {
    pthread_t thread;
    struct stop *stop; /* borrowed until signals_unwatch() */
    bool is_on;
    int code;
    atomic_bool is_over;
};

/** Block them, before any thread is made; *out: what signals_next() waits for. */
void signals_block(sigset_t *out);
/** In this thread they have their actions again; one that came meanwhile has it now. */
void signals_unblock(void);
/** The next one within @ms; <= 0: none. */
int signals_next(const sigset_t *signals, long ms);
const char *signal_word(int signal_number);
/** From now on SIGTERM and SIGINT end the process at once with @code, until signals_unwatch(). */
void signals_watch(struct signal_watch *watch, struct stop *stop, int code);
void signals_unwatch(struct signal_watch *watch);

#endif /* BASE_SIGNALS_H */
