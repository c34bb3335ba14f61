/* Secrets: what is refused, what is trimmed, when a file is read again, and that nothing leaks. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "config/secret.h"

static char directory[] = "/tmp/detour-secret-XXXXXX";
static char path[128];

static void write_file(const char *text, size_t len)
{
    char fresh[160];
    FILE *file;

    (void)snprintf(fresh, sizeof(fresh), "%s.new", path);
    file = fopen(fresh, "wb"); /* and renamed, so that every write is another inode */
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(fresh, path), 0);
}

static void check_value(struct secret *secret, const char *want)
{
    struct buf out;

    buf_init(&out, SECRET_BYTES_MAX);
    secret_read(secret, &out);
    assert_true(span_is(buf_span(&out), want));
    buf_fini(&out);
}

static const struct {
    const char *name;
    const char *text; /* of the file or the variable */
    size_t len;
    const char *want; /* NULL: refused */
    const char *part; /* of the error */
} cases[] = {
    {"plain", "abc", 3, "abc", NULL},
    {"a newline at the end", "abc\n", 4, "abc", NULL},
    {"a Windows line end", "abc\r\n", 5, "abc", NULL},
    {"two newlines", "abc\n\n", 5, "abc", NULL},
    {"spaces are kept", " a b ", 5, " a b ", NULL},
    {"empty", "", 0, NULL, "is empty"},
    {"only a newline", "\n", 1, NULL, "is empty"},
    {"two lines", "abc\ndef", 7, NULL, "line end"},
    {"a header in it", "abc\r\nX: y", 9, NULL, "line end"},
    {"a carriage return", "abc\rdef", 7, NULL, "line end"},
    {"a byte order mark",
     "\xef\xbb\xbf"
     "abc\r\n",
     8, "abc", NULL},
    {"a byte order mark alone", "\xef\xbb\xbf", 3, NULL, "is empty"},
    {"quotation marks may be part of a password", "\"abc\"", 5, "\"abc\"", NULL},
};

static void files_are_read_and_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct secret *secret = NULL;
        struct err err = {0};
        enum err_code rc;

        write_file(cases[i].text, cases[i].len);
        rc = secret_from_file(path, &secret, &err);
        if ((rc == ERR_OK) != (cases[i].want != NULL) ||
            (rc != ERR_OK && strstr(err.text, cases[i].part) == NULL)) {
            fail_msg("%s: %d %s", cases[i].name, rc, err.text);
        }
        if (rc == ERR_OK) {
            check_value(secret, cases[i].want);
            assert_int_equal(secret_generation(secret), 1);
        } else {
            assert_null(strstr(err.text, "abc")); /* never the value */
            assert_non_null(strstr(err.text, path));
        }
        secret_free(secret);
    }
}

static void variables_are_read_and_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct secret *secret = NULL;
        struct err err = {0};
        enum err_code rc;

        setenv("DETOUR_TEST_SECRET", cases[i].text, 1);
        rc = secret_from_env("DETOUR_TEST_SECRET", &secret, &err);
        if ((rc == ERR_OK) != (cases[i].want != NULL) ||
            (rc != ERR_OK && strstr(err.text, cases[i].part) == NULL)) {
            fail_msg("%s: %d %s", cases[i].name, rc, err.text);
        }
        if (rc == ERR_OK) {
            check_value(secret, cases[i].want);
            assert_string_equal(secret_source(secret), "env DETOUR_TEST_SECRET");
        } else {
            assert_null(strstr(err.text, "abc"));
        }
        secret_free(secret);
    }
    unsetenv("DETOUR_TEST_SECRET");
}

static const struct {
    const char *name;
    const char *text;
    const char *part; /* of the error; NULL: a token */
} token_cases[] = {
    {"a token", "5f2a9c0b==", NULL},
    {"with a byte order mark and a line end",
     "\xef\xbb\xbf"
     "5f2a9c0b\r\n",
     NULL},
    {"a word that begins alike", "bearerless", NULL},
    {"quotation marks", "\"5f2a9c0b\"", "stands in quotation marks"},
    {"single ones", "'5f2a9c0b'\n", "stands in quotation marks"},
    {"one of two", "5f2a9c0b\"", "stands in quotation marks"},
    {"Bearer", "Bearer 5f2a9c0b", "begins with 'Bearer'"},
    {"bearer", "bearer  5f2a9c0b", "begins with 'Bearer'"},
    {"JSON", "{\"token\":\"5f2a9c0b\"}", "looks like JSON"},
    {"a variable nobody has replaced", "${TIKTOK_TOKEN}",
     "a placeholder that nobody has filled in"},
    {"a template", "{{tiktok_token}}\n", "a placeholder that nobody has filled in"},
    {"an example", "<your-token>", "a placeholder that nobody has filled in"},
    {"null", "null\n", "a placeholder that nobody has filled in"},
    {"masked", "********", "a placeholder that nobody has filled in"},
    {"a line of a file of variables", "TIKTOK_TOKEN=5f2a9c0b\n", "looks like NAME=value"},
    {"an equals sign inside", "5f2a=9c0b", NULL},
    {"capitals and padding", "5F2A9C0B==", NULL},
    {"a header", "Access-Token: 5f2a9c0b", "holds blanks"},
    {"blanks around", " 5f2a9c0b", "holds blanks"},
    {"beyond ASCII",
     "5f2a\xc2\xa0"
     "9c0b",
     "holds characters that no token has"},
};

static void a_token_is_a_token_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(token_cases); i++) {
        struct secret *secret = NULL;
        struct err err = {0};
        enum err_code rc;

        write_file(token_cases[i].text, strlen(token_cases[i].text));
        assert_int_equal(secret_from_file(path, &secret, &err), ERR_OK);
        rc = secret_require_token(secret, &err);
        if ((rc == ERR_OK) != (token_cases[i].part == NULL) ||
            (rc != ERR_OK &&
             (strstr(err.text, token_cases[i].part) == NULL || strstr(err.text, path) == NULL ||
              strstr(err.text, "5f2a") != NULL))) {
            fail_msg("%s: %d %s", token_cases[i].name, rc, err.text);
        }
        secret_free(secret);
    }
}

/* A file that is changed to something else keeps the token there was. */
static void a_token_stays_one_when_its_file_changes(void **state)
{
    struct secret *secret = NULL;
    struct err err = {0};

    (void)state;
    write_file("5f2a9c0b", 8);
    assert_int_equal(secret_from_file(path, &secret, &err), ERR_OK);
    assert_int_equal(secret_require_token(secret, &err), ERR_OK);
    write_file("Bearer 77aa", 11);
    assert_int_equal(secret_refresh(secret, 5000, &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "begins with 'Bearer'"));
    check_value(secret, "5f2a9c0b");
    write_file("77aa", 4);
    assert_int_equal(secret_refresh(secret, 10000, &err), ERR_OK);
    check_value(secret, "77aa");
    secret_free(secret);
}

static void utf_16_is_named(void **state)
{
    struct secret *secret = NULL;
    struct err err = {0};

    (void)state;
    write_file("\xff\xfe"
               "a\0b\0",
               6);
    assert_int_equal(secret_from_file(path, &secret, &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "is UTF-16: save it as UTF-8"));
}

static void a_missing_variable_is_named(void **state)
{
    struct secret *secret = NULL;
    struct err err;

    (void)state;
    assert_int_equal(secret_from_env("DETOUR_TEST_SECRET", &secret, &err), ERR_CONFIG);
    assert_string_equal(err.text, "environment variable DETOUR_TEST_SECRET is not set");
}

static void the_length_has_a_bound(void **state)
{
    static const struct {
        size_t bytes;
        bool is_fine;
    } rows[] = {{4096, true}, {4097, false}, {4104, false}, {5000, false}, {1000000, false}};
    char *text = mem_zero(1000001, 1);

    (void)state;
    memset(text, 'x', 1000000);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct secret *secret = NULL;
        struct err err;
        enum err_code rc;

        write_file(text, rows[i].bytes);
        rc = secret_from_file(path, &secret, &err);
        if (rc != (rows[i].is_fine ? ERR_OK : ERR_LIMIT)) {
            fail_msg("%zu bytes: %d", rows[i].bytes, rc);
        }
        secret_free(secret);
    }
    memset(text, '\n', 1000000); /* line ends that could hide what comes behind them */
    text[0] = 'x';
    text[999999] = 'y';
    write_file(text, 1000000);
    assert_int_equal(secret_from_file(path, &(struct secret *){NULL}, NULL), ERR_LIMIT);
    free(text);
}

static void nul_bytes_are_refused(void **state)
{
    struct secret *secret = NULL;
    struct err err;

    (void)state;
    write_file("a\0b", 3);
    assert_int_equal(secret_from_file(path, &secret, &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "NUL"));
}

static void odd_files_are_refused(void **state)
{
    struct secret *secret = NULL;
    struct err err;
    char pipe_path[160];

    (void)state;
    assert_int_equal(secret_from_file("/nonexistent/token", &secret, &err), ERR_IO);
    assert_non_null(strstr(err.text, "/nonexistent/token cannot be read: No such file"));
    assert_int_equal(secret_from_file(directory, &secret, &err), ERR_IO);
    assert_non_null(strstr(err.text, "not a regular file"));
    (void)snprintf(pipe_path, sizeof(pipe_path), "%s/pipe", directory);
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    assert_int_equal(secret_from_file(pipe_path, &secret, &err), ERR_IO); /* and does not hang */
    assert_int_equal(unlink(pipe_path), 0);
}

static void a_changed_file_is_read_again(void **state)
{
    struct secret *secret = NULL;
    struct err err;

    (void)state;
    write_file("one\n", 4);
    assert_int_equal(secret_from_file(path, &secret, &err), ERR_OK);
    assert_int_equal(secret_refresh(secret, 10000, &err), ERR_OK);
    assert_int_equal(secret_generation(secret), 1);

    write_file("two\n", 4); /* the same length: told by the inode */
    assert_int_equal(secret_refresh(secret, 10999, &err), ERR_OK);
    check_value(secret, "one"); /* looked less than a second ago */
    assert_int_equal(secret_refresh(secret, 11000, &err), ERR_OK);
    check_value(secret, "two");
    assert_int_equal(secret_generation(secret), 2);

    write_file("two\n", 4); /* another file, the same value */
    assert_int_equal(secret_refresh(secret, 12000, &err), ERR_OK);
    assert_int_equal(secret_generation(secret), 2);

    assert_int_equal(unlink(path), 0); /* an unreadable one keeps the old value and fails */
    assert_int_equal(secret_refresh(secret, 13000, &err), ERR_IO);
    check_value(secret, "two");
    assert_int_equal(secret_refresh(secret, 13500, &err), ERR_OK); /* not looked at */
    assert_int_equal(secret_refresh(secret, 14000, &err), ERR_IO);

    write_file("", 0);
    assert_int_equal(secret_refresh(secret, 15000, &err), ERR_CONFIG);
    check_value(secret, "two");
    assert_int_equal(secret_generation(secret), 2);

    write_file("three", 5); /* and it heals */
    assert_int_equal(secret_refresh(secret, 16000, &err), ERR_OK);
    check_value(secret, "three");
    assert_int_equal(secret_generation(secret), 3);
    secret_free(secret);
}

static void what_is_no_file_never_changes(void **state)
{
    struct secret *secret = secret_from_text(SPAN("abc"));
    struct err err;

    (void)state;
    assert_int_equal(secret_refresh(secret, 100000, &err), ERR_OK);
    assert_int_equal(secret_generation(secret), 1);
    check_value(secret, "abc");
    assert_null(strstr(secret_source(secret), "abc"));
    secret_free(secret);
    secret_free(NULL);
}

/* One thread refreshes while others read: only whole values are ever seen. */
struct readers {
    struct secret *secret;
    _Atomic bool is_over;
    _Atomic unsigned torn;
};

static void *read_all_the_time(void *context)
{
    struct readers *readers = context;
    struct buf out;

    buf_init(&out, SECRET_BYTES_MAX);
    while (!readers->is_over) {
        buf_clear(&out);
        secret_read(readers->secret, &out);
        for (size_t i = 1; i < out.len; i++) {
            readers->torn += out.ptr[i] != out.ptr[0];
        }
        readers->torn += out.len != 1000;
    }
    buf_fini(&out);
    return NULL;
}

static void readers_see_whole_values(void **state)
{
    struct readers readers = {0};
    pthread_t threads[2];
    char text[1000];
    struct err err;

    (void)state;
    memset(text, 'a', sizeof(text));
    write_file(text, sizeof(text));
    assert_int_equal(secret_from_file(path, &readers.secret, &err), ERR_OK);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_all_the_time, &readers), 0);
    }
    for (unsigned i = 1; i <= 50; i++) {
        memset(text, 'a' + (int)(i % 26), sizeof(text));
        write_file(text, sizeof(text));
        assert_int_equal(secret_refresh(readers.secret, i * 1000ull, &err), ERR_OK);
    }
    readers.is_over = true;
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(readers.torn, 0);
    assert_int_equal(secret_generation(readers.secret), 51);
    secret_free(readers.secret);
}

static int make_directory(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/token", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_read_and_judged),
        cmocka_unit_test(variables_are_read_and_judged),
        cmocka_unit_test(a_token_is_a_token_and_nothing_else),
        cmocka_unit_test(a_token_stays_one_when_its_file_changes),
        cmocka_unit_test(utf_16_is_named),
        cmocka_unit_test(a_missing_variable_is_named),
        cmocka_unit_test(the_length_has_a_bound),
        cmocka_unit_test(nul_bytes_are_refused),
        cmocka_unit_test(odd_files_are_refused),
        cmocka_unit_test(a_changed_file_is_read_again),
        cmocka_unit_test(what_is_no_file_never_changes),
        cmocka_unit_test(readers_see_whole_values),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
