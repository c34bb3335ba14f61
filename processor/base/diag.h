/**
 * diag - everything that is wrong with a configuration, collected, not just the first.
 *
 * Whoever reads the user's files adds to the list and goes on; the caller looks at
 * the count at the end. Printed as file:line:column: message.
 *
 * The list owns its messages and copies of the file names. One thread. Nothing here fails.
 */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include "base/err.h"
#include "base/span.h"

struct place {
    const char *file; /* borrowed from whoever parsed it (a yaml_doc lives as long as its config) */
    unsigned line;    /* from 1; 0 when there is none */
    unsigned column;  /* from 1 */
};

enum diag_level { DIAG_ERROR, DIAG_WARNING };

struct diag {
    enum diag_level level;
    struct place place; /* file is a copy, owned */
    char *message;      /* owned */
};

struct diags {
    struct diag *items; /* owned */
    size_t count;
    size_t error_count;
};

void diags_init(struct diags *diags);
void diags_fini(struct diags *diags);
void diag_error(struct diags *diags, struct place place, const char *format, ...) PRINTF_LIKE(3, 4);
void diag_warning(struct diags *diags, struct place place, const char *format, ...)
    PRINTF_LIKE(3, 4);
/** Every entry on stderr, as file:line:column: message. */
void diags_print(const struct diags *diags);
/** The nearest of @names to @word by edit distance, or NULL when none is close. */
const char *suggest(struct span word, const char *const *names, size_t count);

struct suggestion {
    char text[96];
};
/** What an error message says behind a misspelled word: "; did you mean x?", or nothing when @near,
 * the result of suggest(), is NULL. By value: the text lives as long as the call it is passed to.
 */
struct suggestion did_you_mean(const char *near);

#endif /* BASE_DIAG_H */
