/* Requests: formats, compression, signatures, headers, the identity that servers ask for. */
#include "http_world.h"

#include <stdio.h>
#include <unistd.h>
#include <zlib.h>

#include "certificate.h"
#include "destinations/http/gzip.h"
#include "destinations/http/signature.h"

/* HMAC-SHA256 over "SECONDS.BODY", worked out by Python's hmac module. */
static const struct {
    const char *name;
    size_t secret_times; /* of @secret */
    const char *secret;
    int64_t unix_s;
    size_t body_times;
    const char *body;
    const char *want;
} signature_rows[] = {
    {"an event", 1, "whsec-test", 1767225600, 1, "{\"event\":\"Purchase\"}",
     "de7f723d9e729003ce4349b9877f97c75fe9298d4d3ea66c6fbb6ab0495792e3"},
    {"an empty body at the epoch", 1, "k", 0, 1, "",
     "6b4a4b8b3c40f1e8f53a3d36682e5f99f7ad2ac1df1c93dfe336f329167641e7"},
    {"a key longer than a block", 200, "a", 1767225600, 1000, "x",
     "265cb318399be9aa285bd8daacb4af11d7e7f71fdf4f975e985347ff97746703"},
    {"bytes past ASCII", 1, "schl\xc3\xbcssel", 4102444799, 1, "{\"city\":\"K\xc3\xb6ln\"}\n",
     "ff18e5cb259b81642976fc0313d3a24a1d25d20e65e381616122dba1eabbf564"},
};

static void repeat(struct buf *out, const char *text, size_t times)
{
    buf_init(out, 4096);
    for (size_t i = 0; i < times; i++) {
        buf_add_text(out, text);
    }
}

static void bodies_are_signed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(signature_rows); i++) {
        struct buf secret;
        struct buf body;
        char hex[SIGNATURE_HEX_BYTES];

        repeat(&secret, signature_rows[i].secret, signature_rows[i].secret_times);
        repeat(&body, signature_rows[i].body, signature_rows[i].body_times);
        signature_hmac(buf_span(&secret), signature_rows[i].unix_s, buf_span(&body), hex);
        if (memcmp(hex, signature_rows[i].want, sizeof(hex)) != 0) {
            fail_msg("%s: %.64s", signature_rows[i].name, hex);
        }
        buf_fini(&secret);
        buf_fini(&body);
    }
}

/* The first is RFC 7617's, the others worked out by Python's base64 module. */
static void credentials_are_encoded(void **state)
{
    static const char *const cases[][3] = {
        {"Aladdin", "open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
        {"u", "", "dTo="},
        {"svc", "p:w:d", "c3ZjOnA6dzpk"},
        {"m\xc3\xbcller", "x", "bcO8bGxlcjp4"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf out;

        buf_init(&out, 4096);
        signature_basic(span_of(cases[i][0]), span_of(cases[i][1]), &out);
        assert_string_equal(buf_text(&out), cases[i][2]);
        buf_fini(&out);
    }
}

/* zlib's own reading of what was written, gzip's checksum included. */
static void unpack(struct span packed, struct buf *out)
{
    z_stream stream = {.next_in = (Bytef *)packed.ptr, .avail_in = (uInt)packed.len};
    int rc;

    assert_int_equal(inflateInit2(&stream, 16 + 15), Z_OK);
    stream.next_out = (Bytef *)buf_reserve(out, out->max);
    stream.avail_out = (uInt)out->max;
    rc = inflate(&stream, Z_FINISH);
    out->len = stream.total_out;
    assert_int_equal(stream.avail_in, 0);
    (void)inflateEnd(&stream);
    assert_int_equal(rc, Z_STREAM_END);
}

static void what_is_packed_can_be_unpacked(void **state)
{
    static const size_t sizes[] = {0, 1, 100, 65536, 1000000};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        for (int is_random = 0; is_random < 2; is_random++) {
            struct buf body;
            struct buf whole;
            struct buf back;
            uint32_t seed = 7;

            buf_init(&body, 2000000);
            buf_init(&whole, 2000000);
            buf_init(&back, 2000000);
            for (size_t k = 0; k < sizes[i]; k++) {
                seed = seed * 1664525 + 1013904223;
                buf_add_char(&body, is_random ? (char)(seed >> 24) : "{\"a\":1}\n"[k % 8]);
            }
            buf_add_span(&whole, buf_span(&body));
            gzip_buf(&body);
            unpack(buf_span(&body), &back);
            assert_true(span_eq(buf_span(&back), buf_span(&whole)));
            assert_int_equal(body.max, 2000000);
            if (sizes[i] >= 65536 && !is_random) {
                assert_true(body.len < sizes[i] / 20);
            }
            buf_fini(&body);
            buf_fini(&whole);
            buf_fini(&back);
        }
    }
}

static const struct {
    enum body_format format;
    size_t items;
    const char *want;
} format_rows[] = {
    {BODY_JSON, 1, "{\"i\":\"o\"}"},
    {BODY_NDJSON, 1, "{\"i\":\"o\"}\n"},
    {BODY_NDJSON, 3, "{\"i\":\"o\"}\n{\"i\":\"o\"}\n{\"i\":\"o\"}\n"},
    {BODY_ARRAY, 1, "[{\"i\":\"o\"}]"},
    {BODY_ARRAY, 3, "[{\"i\":\"o\"},{\"i\":\"o\"},{\"i\":\"o\"}]"},
};

static void write_body(struct http_world *world, size_t items, struct buf *out)
{
    const struct driver *driver = world->to->driver;
    uint32_t left_out = 0;

    buf_init(out, 4096);
    driver->begin(world->to, SPAN(""), out);
    for (size_t i = 0; i < items; i++) {
        if (i > 0) {
            driver->separate(world->to, out);
        }
        assert_int_equal(http_write(world, "{\"id\":\"o\"}", out, &left_out, NULL), ERR_OK);
    }
    driver->end(world->to, out);
}

static void items_become_a_body(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(format_rows); i++) {
        for (int is_gzip = 0; is_gzip < 2; is_gzip++) {
            const struct http_options base = {.body_format = format_rows[i].format,
                                              .is_gzip = is_gzip};
            struct http_world world;
            struct buf body;
            struct buf plain;

            http_open_as(&world, "body: {i: id}", &base);
            write_body(&world, format_rows[i].items, &body);
            buf_init(&plain, 4096);
            if (is_gzip) {
                unpack(buf_span(&body), &plain);
            } else {
                buf_add_span(&plain, buf_span(&body));
            }
            if (strcmp(buf_text(&plain), format_rows[i].want) != 0) {
                fail_msg("row %zu: %s", i, buf_text(&plain));
            }
            buf_fini(&body);
            buf_fini(&plain);
            http_close(&world);
        }
    }
}

/* Header lines of a request with @body, joined by "|". */
static void headers_of(const struct http_options *base, const char *body, struct buf *out)
{
    struct http_world world;

    http_open_as(&world, "{}", base);
    assert_non_null(world.to);
    buf_init(out, 65536);
    world.to->driver->headers(world.to, span_of(body), 1767225600999, out);
    for (size_t i = 0; i < out->len; i++) {
        out->ptr[i] = out->ptr[i] == '\0' ? '|' : out->ptr[i];
    }
    http_close(&world);
}

static void check_headers(const char *name, const struct http_options *base, const char *body,
                          const char *want)
{
    struct buf lines;

    headers_of(base, body, &lines);
    if (strcmp(buf_text(&lines), want) != 0) {
        fail_msg("%s: %s\nwant %s", name, buf_text(&lines), want);
    }
    buf_fini(&lines);
}

static void requests_carry_their_headers(void **state)
{
    struct secret *one = secret_from_text(SPAN("one"));
    struct secret *two = secret_from_text(SPAN("two"));
    struct http_header headers[] = {{.name = {"X-One", 5}, .value = one},
                                    {.name = {"content-TYPE", 12}, .value = two}};

    (void)state;
    check_headers("json", &(struct http_options){0}, "", "Content-Type: application/json|");
    check_headers("ndjson", &(struct http_options){.body_format = BODY_NDJSON}, "",
                  "Content-Type: application/x-ndjson|");
    check_headers("array, compressed",
                  &(struct http_options){.body_format = BODY_ARRAY, .is_gzip = true}, "",
                  "Content-Type: application/json|Content-Encoding: gzip|");
    check_headers("of the user's own",
                  &(struct http_options){.headers = headers, .header_count = 1}, "",
                  "Content-Type: application/json|X-One: one|");
    check_headers("a content type of the user's own",
                  &(struct http_options){.headers = headers, .header_count = 2}, "",
                  "X-One: one|content-TYPE: two|");
    check_headers("bearer", &(struct http_options){.auth.bearer = one}, "",
                  "Content-Type: application/json|Authorization: Bearer one|");
    check_headers("basic", &(struct http_options){.auth.basic = {.username = one, .password = two}},
                  "", "Content-Type: application/json|Authorization: Basic b25lOnR3bw==|");
    secret_free(one);
    secret_free(two);
}

static void a_signature_has_its_time_beside_it(void **state)
{
    struct secret *secret = secret_from_text(SPAN("whsec-test"));
    struct http_options base = {0};

    (void)state;
    base.auth.hmac.secret = secret;
    base.auth.hmac.header = SPAN("X-Sig");
    base.auth.hmac.timestamp_header = SPAN("X-Time");
    base.auth.hmac.prefix = SPAN("v1=");
    check_headers("hmac", &base, "{\"event\":\"Purchase\"}",
                  "Content-Type: application/json|X-Time: 1767225600|X-Sig: "
                  "v1=de7f723d9e729003ce4349b9877f97c75fe9298d4d3ea66c6fbb6ab0495792e3|");
    secret_free(secret);
}

static void every_secret_is_watched(void **state)
{
    struct secret *one = secret_from_text(SPAN("one"));
    struct secret *two = secret_from_text(SPAN("two"));
    struct http_header headers[] = {{.name = {"X-One", 5}, .value = one}};
    const struct http_options base = {.headers = headers, .header_count = 1, .auth.bearer = two};
    struct secret *(*secret_at)(const struct config_destination *, size_t);
    struct http_world world;

    (void)state;
    http_open_as(&world, "{}", &base);
    secret_at = world.to->driver->secret;
    assert_ptr_equal(secret_at(&world.destination, 0), two); /* the one an operator is told of */
    assert_ptr_equal(secret_at(&world.destination, 1), one);
    assert_null(secret_at(&world.destination, 2));
    http_close(&world);
    http_open(&world, "{}");
    assert_null(secret_at(&world.destination, 0));
    http_close(&world);
    secret_free(one);
    secret_free(two);
}

static void requests_are_aimed(void **state)
{
    const struct http_options base = {.method = METHOD_PATCH};
    struct http_target target = {0};
    struct http_world world;

    (void)state;
    http_open(&world, "{}");
    world.to->driver->aim(world.to, &target);
    assert_null(target.method);
    assert_false(target.keeps_headers);
    http_close(&world);
    http_open_as(&world, "verdicts: [{header: {X-A: b}, is: retry}]", &base);
    world.to->driver->aim(world.to, &target);
    assert_string_equal(target.method, "PATCH");
    assert_true(target.keeps_headers);
    http_close(&world);
}

/* identity */

static char directory[] = "/tmp/detour-webhook-XXXXXX";

static struct span write_file(const char *name, const char *text)
{
    static char paths[8][64];
    static size_t next;
    char *path = paths[next++ % COUNT_OF(paths)];
    FILE *out;

    (void)snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
    out = fopen(path, "we");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
    return span_of(path);
}

/* The first error with these files as tls.certificate and tls.key; NULL: none. */
static void check_pair_of(const char *name, struct span certificate, struct span key,
                          const char *part)
{
    struct http_options base = {.tls = {.certificate = certificate, .key = key}};
    struct http_world world;

    http_open_as(&world, "{}", &base);
    if (!has_diag(&world.diags, DIAG_ERROR, part) || (world.to == NULL) != (part != NULL)) {
        fail_msg("%s: %s", name, first_diag(&world.diags));
    }
    http_close(&world);
}

/* @key_pem under a password. */
static char *encrypt(const char *key_pem)
{
    BIO *in = BIO_new_mem_buf(key_pem, -1);
    BIO *out = BIO_new(BIO_s_mem());
    EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
    unsigned char password[] = "secret";

    assert_int_equal(PEM_write_bio_PrivateKey(out, key, EVP_aes_256_cbc(), password, 6, NULL, NULL),
                     1);
    EVP_PKEY_free(key);
    BIO_free(in);
    return certificate_text(out);
}

static void an_identity_is_looked_at_when_loaded(void **state)
{
    char *key = NULL;
    char *certificate = NULL;
    char *other_key = NULL;
    char *other_certificate = NULL;
    char *encrypted;
    struct span certificate_file;
    struct span key_file;

    (void)state;
    assert_true(certificate_make(&key, &certificate));
    assert_true(certificate_make(&other_key, &other_certificate));
    encrypted = encrypt(key);
    certificate_file = write_file("certificate.pem", certificate);
    key_file = write_file("key.pem", key);
    check_pair_of("a pair", certificate_file, key_file, NULL);
    check_pair_of("another's key", certificate_file, write_file("other.pem", other_key),
                  "not the one of the certificate");
    check_pair_of("an encrypted key", certificate_file, write_file("locked.pem", encrypted),
                  "is encrypted");
    check_pair_of("no key", certificate_file, write_file("none.pem", "x"), "no private key");
    check_pair_of("no certificate", write_file("empty.pem", ""), key_file, "no certificate");
    free(key);
    free(certificate);
    free(other_key);
    free(other_certificate);
    free(encrypted);
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) == NULL ? -1 : 0;
}

static int remove_directory(void **state)
{
    static const char *const names[] = {"certificate.pem", "key.pem",  "other.pem",
                                        "locked.pem",      "none.pem", "empty.pem"};
    char path[64];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        (void)unlink(path);
    }
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_are_signed),
        cmocka_unit_test(credentials_are_encoded),
        cmocka_unit_test(what_is_packed_can_be_unpacked),
        cmocka_unit_test(items_become_a_body),
        cmocka_unit_test(requests_carry_their_headers),
        cmocka_unit_test(a_signature_has_its_time_beside_it),
        cmocka_unit_test(every_secret_is_watched),
        cmocka_unit_test(requests_are_aimed),
        cmocka_unit_test(an_identity_is_looked_at_when_loaded),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
