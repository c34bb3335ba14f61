/* fuzz_check - what has to hold of any input; a broken one ends the fuzzer with its words. */
#ifndef TESTS_FUZZ_CHECK_H
#define TESTS_FUZZ_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "broken: %s\n", #condition);                                     \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif /* TESTS_FUZZ_CHECK_H */
