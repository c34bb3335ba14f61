/* What the tests of rehearsals share: files that last for a call, a rehearsal with what it needs,
 * its timeline. */
#ifndef TESTS_REHEARSAL_FIXTURE_H
#define TESTS_REHEARSAL_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rehearse/rehearsal.h"

struct played {
    struct diags diags;
    struct config *config;
    struct trace trace;
    struct rehearsal rehearsal;
};

/* Its name stands until the next call; the caller unlinks it. */
static inline const char *write_file(const char *text)
{
    static char path[64];
    FILE *file;
    int fd;

    (void)snprintf(path, sizeof(path), "/tmp/test_rehearsal-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    file = fdopen(fd, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

static inline void put_away(struct played *played)
{
    rehearsal_close(&played->rehearsal);
    trace_fini(&played->trace);
    config_free(played->config);
    diags_fini(&played->diags);
}

/* When the first row of this kind, state and event (NULL: any) stands at or after @from_ms;
 * UINT64_MAX: nowhere. */
static inline uint64_t find_row(struct played *played, enum timeline_what what, const char *state,
                                const char *event, uint64_t from_ms)
{
    size_t count = 0;
    const struct timeline_row *rows = timeline_rows(played->rehearsal.timeline, &count);

    for (size_t i = 0; i < count; i++) {
        if (rows[i].what == what && rows[i].at_ms >= from_ms &&
            (state == NULL || strcmp(rows[i].state, state) == 0) &&
            (event == NULL || span_is(rows[i].event, event))) {
            return rows[i].at_ms;
        }
    }
    return UINT64_MAX;
}

#endif /* TESTS_REHEARSAL_FIXTURE_H */
