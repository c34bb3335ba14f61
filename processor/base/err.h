/**
 * err - why something failed, in words a person can act on.
 *
 * A call that can fail returns enum err_code; where a person will read the cause
 * it also takes a struct err *, which carries the text. err may be NULL where the
 * caller only wants the code. Texts hold no payload, no personal data, no secret.
 *
 * The caller owns the struct err; one thread. A text that is too long is cut.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/base.h"

enum err_code {
    ERR_OK = 0,
    ERR_CONFIG, /* what the user wrote is wrong: exit 2 */
    ERR_USAGE,  /* the command line is wrong: exit 2 */
    ERR_DATA,   /* bytes from outside do not mean what they should */
    ERR_LIMIT,  /* a bound of ours was reached */
    ERR_IO,     /* a file or a descriptor */
    ERR_NET,    /* a service is not reachable or did not answer: exit 3 */
    ERR_ABSENT, /* asked for and definitely not there */
    ERR_BUSY,   /* not now; try again */
    ERR_STATE,  /* not possible in this state (lost partition, fatal producer) */
};

#define ERR_TEXT_BYTES 512

struct err {
    enum err_code code;
    bool retryable;
    char text[ERR_TEXT_BYTES]; /* always terminated; cut at the end when too long */
};

/** Fill @err (if any) and return @code, so that raising is one line. */
enum err_code err_set(struct err *err, enum err_code code, const char *format, ...)
    PRINTF_LIKE(3, 4);

/** Put "context: " before what @err already says. */
void err_wrap(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

void err_clear(struct err *err);

#define FAIL(err, code, ...) err_set((err), (code), __VA_ARGS__)

#endif /* BASE_ERR_H */
