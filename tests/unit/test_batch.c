/* Which names an answer gives are believed, before halving has to find the culprit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deliver/batch.h"

static const struct {
    const char *name;
    const char *named;    /* items one digit each, in the order answers name them */
    const char *believed; /* y or n for each */
} name_rows[] = {
    {"one culprit", "4", "y"},
    {"several, wherever they stand", "0123456", "yyyyyyy"},
    {"several, from the end", "98765", "yyyyy"},
    {"three neighbours: the next takes the place of the last", "555", "yyy"},
    {"neighbours here and there", "000222000", "yyyyyyyyy"},
    {"an echo that names one place for ever", "000000", "yyynnn"},
    {"once doubted, always doubted", "777712", "yyynnn"},
    {"another name between ends the row", "0010000", "yyyyyyn"},
};

static void the_same_place_is_believed_a_few_times_in_a_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(name_rows); i++) {
        struct batch batch = {0};

        for (size_t n = 0; name_rows[i].named[n] != '\0'; n++) {
            bool got = batch_believes(&batch, (size_t)(name_rows[i].named[n] - '0'));

            if (got != (name_rows[i].believed[n] == 'y')) {
                fail_msg("%s: name number %zu", name_rows[i].name, n + 1);
            }
        }
    }
}

/* Batches are used again: what the last one heard is forgotten. */
static void a_new_batch_believes_again(void **state)
{
    struct batch_list list = {0};
    struct lane lane = {0};
    struct batch *batch = batch_new(&list, NULL, &lane);

    (void)state;
    while (batch_believes(batch, 0)) {
    }
    batch_free(&list, batch);
    batch = batch_new(&list, NULL, &lane);
    for (size_t i = 0; i < 3; i++) {
        assert_true(batch_believes(batch, 0));
    }
    assert_false(batch_believes(batch, 0));
    batch_free(&list, batch);
    batch_list_fini(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_place_is_believed_a_few_times_in_a_row),
        cmocka_unit_test(a_new_batch_believes_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
