/**
 * ledger_reader - reads the ledger's topic from its beginning to its present end into books.
 *
 * A progress bar stands on stderr meanwhile, where that is a terminal. One thread.
 * ERR_ABSENT: there is no such topic; ERR_NET: Kafka does not answer; ERR_STATE: it must not be
 * read.
 */
#ifndef RECOVERY_LEDGER_READER_H
#define RECOVERY_LEDGER_READER_H

#include "config/config.h"
#include "ledger/books.h"
#include "recovery/decisions.h"

struct ledger_reader {
    int64_t *next; /* owned; by partition: the offset to come */
    int32_t partitions;
    struct decisions *decisions; /* borrowed: is given each record as well; NULL: nobody asks */
    bool is_truncated;           /* retention has taken the beginning of a partition */
    uint64_t truncated;          /* offsets that are gone */
};

/** Read on from where the reader stands to the present end. */
NODISCARD enum err_code ledger_read(struct ledger_reader *reader, const struct config *config,
                                    struct books *books, struct err *err);
void ledger_reader_fini(struct ledger_reader *reader);

#endif /* RECOVERY_LEDGER_READER_H */
