/**
 * io_real - the I/O interface of delivery (deliver/io.h) with the real clocks, curl and Kafka.
 *
 * One worker owns it, on its thread. It owns HTTP client and producer, and borrows the source.
 * Only opening fails: ERR_CONFIG or ERR_LIMIT with the text of the library.
 */
#ifndef APP_IO_REAL_H
#define APP_IO_REAL_H

#include "deliver/io.h"

struct io_real {
    struct io table;           /* what the deliverer is given */
    struct http_client *http;  /* owned */
    struct producer *producer; /* owned */
    struct source *source;     /* the worker's; NULL until it is open and after it is closed */
    void *job;                 /* whose functions stand in the table as well (worker.h) */
};

NODISCARD enum err_code io_real_open(struct io_real *real, const struct config *config,
                                     unsigned worker, struct err *err);
/** After the deliverer is gone, or where it never was. */
void io_real_close(struct io_real *real);

#endif /* APP_IO_REAL_H */
