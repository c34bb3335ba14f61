/* Whose doing each HTTP status is: of all 900, the few that may condemn an event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/status_fault.h"

static const struct {
    int status;
    enum status_fault want;
} rows[] = {
    {0, STATUS_SERVICES},    {100, STATUS_SERVICES},  {101, STATUS_SERVICES},
    {200, STATUS_FINE},      {299, STATUS_FINE},      {300, STATUS_OPERATORS},
    {301, STATUS_OPERATORS}, {302, STATUS_SERVICES},  {303, STATUS_SERVICES},
    {304, STATUS_OPERATORS}, {305, STATUS_OPERATORS}, {307, STATUS_SERVICES},
    {308, STATUS_OPERATORS}, {400, STATUS_EVENTS},    {401, STATUS_OPERATORS},
    {402, STATUS_OPERATORS}, {403, STATUS_OPERATORS}, {404, STATUS_OPERATORS},
    {405, STATUS_OPERATORS}, {406, STATUS_OPERATORS}, {407, STATUS_OPERATORS},
    {408, STATUS_SERVICES},  {409, STATUS_EVENTS},    {410, STATUS_OPERATORS},
    {411, STATUS_OPERATORS}, {412, STATUS_OPERATORS}, {413, STATUS_EVENTS},
    {414, STATUS_OPERATORS}, {415, STATUS_OPERATORS}, {416, STATUS_OPERATORS},
    {417, STATUS_OPERATORS}, {418, STATUS_NOBODYS},   {421, STATUS_OPERATORS},
    {422, STATUS_EVENTS},    {423, STATUS_OPERATORS}, {424, STATUS_SERVICES},
    {425, STATUS_SERVICES},  {426, STATUS_OPERATORS}, {428, STATUS_OPERATORS},
    {429, STATUS_RATES},     {431, STATUS_OPERATORS}, {451, STATUS_OPERATORS},
    {460, STATUS_NOBODYS},   {499, STATUS_SERVICES},  {500, STATUS_SERVICES},
    {501, STATUS_SERVICES},  {503, STATUS_SERVICES},  {511, STATUS_SERVICES},
    {599, STATUS_SERVICES},  {600, STATUS_NOBODYS},   {999, STATUS_NOBODYS},
};

static void each_status_is_somebodys(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (status_fault(rows[i].status, false) != rows[i].want) {
            fail_msg("%d", rows[i].status);
        }
    }
    assert_int_equal(status_fault(503, true), STATUS_RATES);
    assert_int_equal(status_fault(500, true), STATUS_SERVICES);
}

static void only_four_are_an_events(void **state)
{
    int count = 0;

    (void)state;
    for (int status = 0; status <= 999; status++) {
        count += status_fault(status, false) == STATUS_EVENTS;
    }
    assert_int_equal(count, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_status_is_somebodys),
        cmocka_unit_test(only_four_are_an_events),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
