/**
 * signals - SIGTERM and SIGINT: who hears them, and when they end the process at once.
 *
 * main() blocks them first, so that from then on a signal waits and ends nothing. A command that
 * does not take them unblocks them. A signal while the loader still links the libraries (about
 * 15 ms) has the default action: no program can do anything about that.
 *
 * All threads of `run` have them blocked. While workers run the main thread asks for them, drains
 * and leaves. Before there is a worker and after the last one nobody may wait for a library that
 * hangs: a watch ends the process then. A signal that belongs to the one before (base/stop.h) ends
 * nothing. SIGHUP never does.
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
