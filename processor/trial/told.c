#include "trial/told.h"

#include <jansson.h>
#include <poll.h>

#include "base/clock.h"
#include "trial/child.h"
#include "trial/script.h"

enum { WAIT_MS = 20000, NAP_MS = 20 };

static uint64_t number_of(const json_t *object, const char *key)
{
    json_int_t number = json_integer_value(json_object_get(object, key));

    return number < 0 ? 0 : (uint64_t)number;
}

/* What the command prints; the caller's to release. The answer may be "no". */
static enum err_code ask(const char *const *argv, json_t **out, struct err *err)
{
    struct child child;
    uint64_t until_ms = clock_mono_ms() + WAIT_MS;
    enum err_code rc = child_start(&child, argv[0], SCRIPT_OUTPUT, argv, err);

    while (rc == ERR_OK && !child_has_ended(&child)) {
        poll(NULL, 0, NAP_MS);
        if (clock_mono_ms() >= until_ms) {
            rc = FAIL(err, ERR_STATE, "detour %s did not end within %d s", argv[0], WAIT_MS / 1000);
        }
    }
    if (rc == ERR_OK) {
        *out = json_load_file(SCRIPT_OUTPUT, 0, NULL);
        rc = *out != NULL ? ERR_OK
                          : FAIL(err, ERR_STATE, "detour %s ended with %d and printed no JSON",
                                 argv[0], child_exit_code(&child));
    }
    child_fini(&child);
    return rc;
}

static void take_books(const json_t *books, struct told *out)
{
    *out = (struct told){
        .is_ok = json_is_true(json_object_get(books, "ok")),
        .consumed = number_of(books, "consumed"),
        .delivered = number_of(books, "delivered"),
        .diverted = number_of(books, "diverted"),
        .dead_lettered = number_of(books, "dead_lettered"),
        .dropped = number_of(books, "dropped"),
        .in_flight = number_of(books, "in_flight"),
        .unaccounted = number_of(books, "unaccounted"),
        .backfilled = number_of(json_object_get(books, "followed"), "backfilled"),
    };
}

enum err_code told_read(struct told *out, struct err *err)
{
    static const char *const reconcile[] = {"reconcile", "-c", "detour.yaml", "--json", NULL};
    static const char *const replays[] = {"replay", "list", "-c", "detour.yaml", "--json", NULL};
    json_t *books = NULL;
    json_t *jobs = NULL;
    json_t *job;
    size_t i;
    enum err_code rc = ask(reconcile, &books, err);

    if (rc == ERR_OK) {
        take_books(books, out);
        rc = ask(replays, &jobs, err);
    }
    json_array_foreach(jobs, i, job)
    {
        const json_t *counts = json_object_get(job, "counts");

        out->replayed += number_of(counts, "delivered") + number_of(counts, "diverted");
    }
    json_decref(books);
    json_decref(jobs);
    return rc;
}

bool told_agrees(const struct told *told, const struct audit_balance *found)
{
    return told->is_ok && told->consumed == found->produced &&
           told->delivered == found->delivered && told->diverted == found->diverted &&
           told->dead_lettered == found->dead_lettered && told->dropped == found->dropped &&
           told->in_flight == 0;
}
