/**
 * outside_real - the real world behind deliver/outside.h: the kernel's clocks, curl, Kafka.
 */
#ifndef APP_OUTSIDE_REAL_H
#define APP_OUTSIDE_REAL_H

#include "deliver/outside.h"

struct outside_real {
    struct outside table;      /* what the deliverer is given */
    struct http_client *http;  /* owned */
    struct producer *producer; /* owned */
    struct source *source;     /* the worker's; NULL until it is open and after it is closed */
};

NODISCARD enum err_code outside_real_open(struct outside_real *real, const struct config *config,
                                          unsigned worker, struct err *err);
/** After the deliverer is gone, or where it never was. */
void outside_real_close(struct outside_real *real);

#endif /* APP_OUTSIDE_REAL_H */
