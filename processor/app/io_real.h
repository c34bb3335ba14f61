/**
 * io_real - the real world behind deliver/io.h: the kernel's clocks, curl, Kafka.
 */
#ifndef APP_IO_REAL_H
#define APP_IO_REAL_H

#include "deliver/io.h"

struct io_real {
    struct io table;           /* what the deliverer is given */
    struct http_client *http;  /* owned */
    struct producer *producer; /* owned */
    struct source *source;     /* the worker's; NULL until it is open and after it is closed */
};

NODISCARD enum err_code io_real_open(struct io_real *real, const struct config *config,
                                     unsigned worker, struct err *err);
/** After the deliverer is gone, or where it never was. */
void io_real_close(struct io_real *real);

#endif /* APP_IO_REAL_H */
