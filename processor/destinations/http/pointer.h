/**
 * pointer - a JSON pointer (RFC 6901): /error/codes/0, ~1 for a slash and ~0 for a tilde in a name.
 */
#ifndef DESTINATIONS_HTTP_POINTER_H
#define DESTINATIONS_HTTP_POINTER_H

#include <jansson.h>

#include "base/err.h"
#include "base/span.h"

enum { POINTER_PARTS_MAX = 32, POINTER_BYTES_MAX = 1024 };

struct pointer {
    char *text;         /* owned; all parts, decoded */
    struct span *parts; /* owned */
    size_t count;
};

/** ERR_CONFIG, saying why, when @text is none. "" is the whole document. */
NODISCARD enum err_code pointer_compile(struct span text, struct pointer *out, struct err *err);
void pointer_fini(struct pointer *pointer);
/** Borrowed from @root; NULL when there is nothing. */
const json_t *pointer_get(const struct pointer *pointer, const json_t *root);

#endif /* DESTINATIONS_HTTP_POINTER_H */
