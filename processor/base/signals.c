#include "base/signals.h"

#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum { WATCH_TICK_MS = 20 };

static void list_signals(sigset_t *out)
{
    (void)sigemptyset(out);
    (void)sigaddset(out, SIGTERM);
    (void)sigaddset(out, SIGINT);
    (void)sigaddset(out, SIGHUP);
}

void signals_block(sigset_t *out)
{
    list_signals(out);
    (void)pthread_sigmask(SIG_BLOCK, out, NULL); /* inherited by every thread */
}

void signals_unblock(void)
{
    sigset_t signals;

    list_signals(&signals);
    (void)pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
}

int signals_next(const sigset_t *signals, long ms)
{
    struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

    return sigtimedwait(signals, NULL, &wait);
}

static void *run(void *context)
{
    struct signal_watch *watch = context;
    sigset_t signals;

    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    while (!atomic_load(&watch->is_over)) {
        if (signals_next(&signals, WATCH_TICK_MS) > 0 &&
            stop_asked(watch->stop, clock_mono_ms()) != STOP_SAME) {
            LOG_INFO("run.ended", "code=%d why=\"a signal, while no worker runs\"", watch->code);
            _exit(watch->code);
        }
    }
    return NULL;
}

const char *signal_word(int signal_number)
{
    switch (signal_number) {
    case SIGTERM:
        return "TERM";
    case SIGINT:
        return "INT";
    case SIGHUP:
        return "HUP";
    default:
        return "other";
    }
}

void signals_watch(struct signal_watch *watch, struct stop *stop, int code)
{
    watch->stop = stop;
    watch->code = code;
    atomic_store(&watch->is_over, false);
    watch->is_on = pthread_create(&watch->thread, NULL, run, watch) == 0;
}

void signals_unwatch(struct signal_watch *watch)
{
    if (watch->is_on) {
        atomic_store(&watch->is_over, true);
        (void)pthread_join(watch->thread, NULL);
        watch->is_on = false;
    }
}
