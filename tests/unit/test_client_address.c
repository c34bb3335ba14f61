/* The client's address in what proxies, servers and logs write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "destinations/tiktok/client_address.h"

static const struct {
    const char *text;
    const char *want; /* NULL: none that is public */
} rows[] = {
    {"203.0.113.7", "203.0.113.7"},
    {" 203.0.113.7\t", "203.0.113.7"},
    {"203.0.113.7:51234", "203.0.113.7"},
    {"2001:db8::1", "2001:db8::1"},
    {"[2001:db8::1]:443", "2001:db8::1"},
    {"[2001:db8::1]", "2001:db8::1"},
    {"[203.0.113.7]:80", "203.0.113.7"},
    {"::ffff:203.0.113.7", "203.0.113.7"},
    {"203.0.113.7, 198.51.100.2, 10.0.0.1", "203.0.113.7"},
    {"10.0.0.1, 203.0.113.7", "203.0.113.7"},
    {"10.0.0.1,192.168.1.1:80 , [2001:db8::2]:443", "2001:db8::2"},
    {"unknown, 203.0.113.7", "203.0.113.7"},
    {"_hidden;203.0.113.7", "203.0.113.7"},
    {"for=203.0.113.7;proto=https;by=198.51.100.1", "203.0.113.7"},
    {"proto=https;by=198.51.100.1;For=\"[2001:db8::1]:4711\"", "2001:db8::1"},
    {"by=198.51.100.1", NULL},
    {"\"203.0.113.7\"", "203.0.113.7"},
    {"203.0.113.7/32", "203.0.113.7"},
    {"2001:db8::1/128", "2001:db8::1"},
    {"203.0.113.0/24", NULL},
    {"10.0.0.1", NULL},
    {"127.0.0.1:80", NULL},
    {"fe80::1%eth0", NULL},
    {"2001:db8::1%eth0", "2001:db8::1"},
    {"[2001:db8::1%25en0]:443", "2001:db8::1"},
    {"%eth0", NULL},
    {"203.0.113.7\r\n", "203.0.113.7"},
    {"10.0.0.1\n203.0.113.7", "203.0.113.7"},
    {"::1", NULL},
    {"::ffff:10.0.0.1", NULL},
    {"203.0.113", NULL},
    {"203.0.113.256", NULL},
    {"localhost", NULL},
    {"[", NULL},
    {"[]:80", NULL},
    {":", NULL},
    {"for=", NULL},
    {"", NULL},
    {",,;  ,", NULL},
};

static void the_leftmost_public_address_counts(void **state)
{
    char out[CLIENT_ADDRESS_BYTES];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool is_found = client_address(span_of(rows[i].text), out);

        if (is_found != (rows[i].want != NULL) || (is_found && strcmp(out, rows[i].want) != 0)) {
            fail_msg("%s: %s", rows[i].text, is_found ? out : "none");
        }
    }
    assert_false(client_address(SPAN_NONE, out));
    assert_false(client_address((struct span){"203.0.113.7\0", 12}, out));
}

static void a_long_list_is_no_address(void **state)
{
    char text[4096];
    char out[CLIENT_ADDRESS_BYTES];

    (void)state;
    memset(text, ',', sizeof(text));
    memcpy(text + sizeof(text) - 11, "203.0.113.7", 11);
    assert_false(client_address((struct span){text, sizeof(text)}, out));
    assert_true(client_address((struct span){text + 2048, sizeof(text) - 2048}, out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_leftmost_public_address_counts),
        cmocka_unit_test(a_long_list_is_no_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
