/* Which addresses are of the public Internet, and which of them a URL names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "base/address.h"
#include "config/url.h"

static const struct {
    const char *address;
    bool want_private, want_loopback;
} address_cases[] = {
    {"127.0.0.1", true, true},
    {"127.255.255.255", true, true},
    {"126.255.255.255", false, false},
    {"10.1.2.3", true, false},
    {"172.16.0.1", true, false},
    {"172.32.0.1", false, false},
    {"192.168.1.1", true, false},
    {"192.0.0.192", true, false},
    {"192.0.1.1", false, false},
    {"169.254.169.254", true, false},
    {"100.64.0.1", true, false},
    {"198.18.0.1", true, false},
    {"198.20.0.1", false, false},
    {"0.0.0.0", true, false},
    {"224.0.0.1", true, false},
    {"8.8.8.8", false, false},
    {"::1", true, true},
    {"::2", true, false},
    {"::", true, false},
    {"fe80::1", true, false},
    {"fec0::1", true, false},
    {"fd00::1", true, false},
    {"fc00::1", true, false},
    {"fe00::1", false, false},
    {"ff02::1", true, false},
    {"::10.0.0.1", true, false},
    {"::ffff:127.0.0.1", true, false},
    {"::ffff:8.8.8.8", false, false},
    {"::ffff:0:10.0.0.1", true, false},
    {"64:ff9b::10.0.0.5", true, false},
    {"64:ff9b::169.254.169.254", true, false},
    {"64:ff9b::8.8.8.8", false, false},
    {"64:ff9b:1::8.8.8.8", true, false},
    {"2002:0a00:0005::1", true, false},
    {"2002:0808:0808::1", false, false},
    {"2001:0:808:808::f5ff:fffa", true, false}, /* 10.0.0.5 with its bits turned */
    {"2001:0:a00:5::f7f7:f7f7", false, false},  /* 8.8.8.8 likewise */
    {"2001:4860:4860::8888", false, false},
};

static void addresses_are_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(address_cases); i++) {
        struct sockaddr_in v4 = {.sin_family = AF_INET};
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
        const struct sockaddr *address = (const struct sockaddr *)&v4;
        socklen_t bytes = sizeof(v4);

        if (inet_pton(AF_INET, address_cases[i].address, &v4.sin_addr) != 1) {
            assert_int_equal(inet_pton(AF_INET6, address_cases[i].address, &v6.sin6_addr), 1);
            address = (const struct sockaddr *)&v6;
            bytes = sizeof(v6);
        }
        if (address_is_private(address, bytes) != address_cases[i].want_private ||
            address_is_loopback(address, bytes) != address_cases[i].want_loopback) {
            fail_msg("%s", address_cases[i].address);
        }
    }
}

static void no_internet_address_is_private(void **state)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in cut = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x08080808)};

    (void)state;
    assert_true(address_is_private((struct sockaddr *)&local, sizeof(local)));
    assert_false(address_is_loopback((struct sockaddr *)&local, sizeof(local)));
    assert_true(address_is_private((struct sockaddr *)&cut, sizeof(cut) - 1));
}

static const struct {
    const char *url;
    bool want_private, want_loopback;
} url_cases[] = {
    {"http://127.0.0.1:8080/x", true, true},
    {"http://127.0.0.1?x", true, true},
    {"http://localhost", false, true},
    {"http://LocalHost:1/", false, true},
    {"https://[::1]:443/", true, true},
    {"https://[0:0:0:0:0:0:0:1]/", true, true},
    {"https://127.1/", true, true},
    {"https://169.254.169.254/latest", true, false},
    {"https://10.0.0.5/", true, false},
    {"https://167772165/", true, false},
    {"https://0xa000005/", true, false},
    {"https://012.0.0.5/", true, false},
    {"https://0.0.0.0:9/", true, false},
    {"https://0x7f.1/", true, true},
    {"https://%31%32%37.0.0.1/", true, true}, /* as libcurl connects */
    {"https://[fd00::1]", true, false},
    {"https://[fe80::1%25eth0]/", true, false},
    {"https://[::ffff:10.0.0.5]/", true, false},
    {"https://[64:ff9b::a00:5]/", true, false},
    {"https://8.8.8.8/", false, false},
    {"https://[2001:4860:4860::8888]/", false, false},
    {"https://business-api.tiktok.com", false, false},
    {"https://localhost.evil.example/", false, false},
    {"https://10.0.0.5.evil.example/", false, false},
};

static void urls_that_name_an_address(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(url_cases); i++) {
        struct url url;

        assert_int_equal(url_read(span_of(url_cases[i].url), &url, NULL), ERR_OK);
        if (url_is_private(&url) != url_cases[i].want_private ||
            url_is_loopback(&url) != url_cases[i].want_loopback) {
            fail_msg("%s", url_cases[i].url);
        }
    }
}

static const struct {
    const char *url;
    const char *want;
} path_cases[] = {
    {"https://api.example", "https://api.example/open/v1/"},
    {"https://api.example/", "https://api.example/open/v1/"},
    {"http://127.0.0.1:8090", "http://127.0.0.1:8090/open/v1/"},
    {"http://[::1]:8090/", "http://[::1]:8090/open/v1/"},
    {"https://api.example?key=1", "https://api.example/open/v1/?key=1"},
    {"https://api.example/proxy", "https://api.example/proxy"},
    {"https://api.example/a?b=c://d/", "https://api.example/a?b=c://d/"},
    {"not a URL", "not a URL"},
    {"", ""},
};

static void a_path_is_added_where_there_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(path_cases); i++) {
        char *got = url_with_path(span_of(path_cases[i].url), "/open/v1/");

        assert_string_equal(got, path_cases[i].want);
        free(got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_known),
        cmocka_unit_test(no_internet_address_is_private),
        cmocka_unit_test(urls_that_name_an_address),
        cmocka_unit_test(a_path_is_added_where_there_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
