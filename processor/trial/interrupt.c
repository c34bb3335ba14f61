#include "trial/interrupt.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/signals.h"
#include "base/stop.h"

static volatile sig_atomic_t is_stopping;
static struct stop stop; /* the handler's alone: both signals are blocked in it */

static void take_signal(int number)
{
    if (stop_asked(&stop, clock_mono_ms()) == STOP_AT_ONCE) {
        signal(number, SIG_DFL);
        raise(number);
    }
    is_stopping = 1;
}

void interrupt_catch(void)
{
    struct sigaction action;
    bool is_terminal = isatty(STDIN_FILENO) == 1;

    memset(&action, 0, sizeof(action));
    action.sa_handler = take_signal;
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGINT);
    sigaddset(&action.sa_mask, SIGTERM);
    sigaddset(&action.sa_mask, SIGHUP);
    is_stopping = 0;
    stop = (struct stop){0};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (is_terminal) {
        sigaction(SIGHUP, &action, NULL);
    } else {
        signal(SIGHUP, SIG_IGN);
    }
    signals_unblock();
}

bool interrupt_is_pending(void)
{
    return is_stopping != 0;
}
