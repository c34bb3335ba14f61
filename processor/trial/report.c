#include "trial/report.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/stop.h"
#include "trial/trial.h"

static volatile sig_atomic_t is_stopping;
static struct stop stop; /* the handler's alone: both signals are blocked in it */

int report_exit_code(enum err_code code)
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

enum err_code report_wrong_value(const struct option *options, const struct option_wish *wishes,
                                 int key, const char *value, struct err *err)
{
    while (options->name != NULL && options->val != key) {
        options++;
    }
    while (wishes->wants != NULL && wishes->key != key) {
        wishes++;
    }
    return FAIL(err, ERR_USAGE, "--%s wants %s%s%.60s", options->name == NULL ? "?" : options->name,
                wishes->wants == NULL ? "something else" : wishes->wants,
                value == NULL ? "" : ", not ", value == NULL ? "" : value);
}

static void take_signal(int number)
{
    if (stop_asked(&stop, clock_mono_ms()) == STOP_AT_ONCE) {
        signal(number, SIG_DFL);
        raise(number);
    }
    is_stopping = 1;
}

void report_catch_signals(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = take_signal;
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGINT);
    sigaddset(&action.sa_mask, SIGTERM);
    is_stopping = 0;
    stop = (struct stop){0};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool report_is_stopping(void)
{
    return is_stopping != 0;
}
