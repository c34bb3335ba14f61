/* Identifiers as TikTok matches them: every vector of the reference, the mistakes that must not
 * happen, telephone numbers as people write them, and what is left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "destinations/tiktok/normalise.h"

/* Vector 23 is another product's choice for external_id (lower-cased before); ours keeps the case,
 * so that row has the input that gives this digest here. */
static const struct {
    const char *name;
    enum identifier kind;
    const char *raw;
    const char *country;
    const char *normalised;
    const char *digest;
} vectors[] = {
    {"vector 1", IDENTIFIER_EMAIL, " ALICE_abc@gmail.com ", "", "alice_abc@gmail.com",
     "848a771458438fc2ec420560d769fb9b9b86851ee338ec56517baabd79d3bb4f"},
    {"vector 2", IDENTIFIER_EMAIL, "bugsbunny@warnerbros.com", "", "bugsbunny@warnerbros.com",
     "67e28cdcc3e845d3a4da05ca9fe5ddb7320a83b4cc2167f0555a3b04f63511e3"},
    {"vector 3", IDENTIFIER_EMAIL, "daffyduck@warnerbros.com", "", "daffyduck@warnerbros.com",
     "2d2fb2388f17f86affee71d632978425a3037fa8eed5b3f2baaa458c80d495ed"},
    {"vector 4", IDENTIFIER_EMAIL, "CoreyTest1231@Gmail.com", "", "coreytest1231@gmail.com",
     "eb9869a32b532840dd6aa714f7a872d21d6f650fc5aa933d9feefc64708969c7"},
    {"vector 5", IDENTIFIER_EMAIL, "test@example.com", "", "test@example.com",
     "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"},
    {"vector 6", IDENTIFIER_EMAIL, "sample@sample.com", "", "sample@sample.com",
     "774efc08cebab8c50c0f0eb2d3a2d2e560872a64f6c1617314c4f03b1c3d4dfa"},
    {"vector 7", IDENTIFIER_EMAIL, "\tJane.Doe+promo@Example.ORG\r\n", "",
     "jane.doe+promo@example.org",
     "7dbf37be869d2b8bd63dd2360d139614283796d7d561f8e98c6f581a63d295c2"},
    {"vector 8", IDENTIFIER_EMAIL, "MÜLLER@example.de", "", "müller@example.de",
     "eb2f85748266705ba113bc5c4ee633d9c2a7cc769d5f6d9f9767b854584b3c88"},
    {"vector 9", IDENTIFIER_PHONE, "(+1)2133734253", "", "+12133734253",
     "9f7ec22d72092cd3c0b58726ed9c2d91b92e51a3f29837508fb2948bb22dd2fd"},
    {"vector 10", IDENTIFIER_PHONE, "+1 (213) 373-4253", "", "+12133734253",
     "9f7ec22d72092cd3c0b58726ed9c2d91b92e51a3f29837508fb2948bb22dd2fd"},
    {"vector 11", IDENTIFIER_PHONE, "+1234567890", "", "+1234567890",
     "422ce82c6fc1724ac878042f7d055653ab5e983d186e616826a72d4384b68af8"},
    {"vector 12", IDENTIFIER_PHONE, "+1555-555-5555", "", "+15555555555",
     "910a625c4ba147b544e6bd2f267e130ae14c591b6ba9c25cb8573322dedbebd0"},
    {"vector 13", IDENTIFIER_PHONE, "12345678901234", "", "+12345678901234",
     "00a63bd0437d6ca0fa7b95c00ab2e7c020faa71440e5246750d6b517689e6777"},
    {"vector 14", IDENTIFIER_PHONE, "98765432109876", "", "+98765432109876",
     "ce7b12d132a021393e793d21d6e8e673ac06042922b73cc10f2d7db597657a4a"},
    {"vector 15", IDENTIFIER_PHONE, "+33 6 12 34 56 78", "", "+33612345678",
     "42d573cfc315801d4cd8eddd5416b416a0bf298b9b9e12d6b07442c91db42bd8"},
    {"vector 16", IDENTIFIER_PHONE, "0031 6 12345678", "", "+31612345678",
     "fab7be8a931d1088a82f6acf9e468aaf6a3accc07d5112ee5d6fca93281e1583"},
    {"vector 17", IDENTIFIER_PHONE, "11 98765-4321", "BR", "+5511987654321",
     "38225ec3dccec4189659c110ddc4f3dc9c27539850cb6a9ddae31ae03a5cf441"},
    {"vector 18", IDENTIFIER_PHONE, "+44 (0)20 7946 0958", "", "+442079460958",
     "f0bf0228144d9fe2bdf1da2d8ca698f17bf1410ee688b075c27062e47b6f0b6d"},
    {"vector 19", IDENTIFIER_PHONE, "+86 138 0013 8000", "", "+8613800138000",
     "ec61f3c620a98bdead8c1f1f0ae747abd1b62a0c2dba4fd4bc22cf0d1d8653e5"},
    {"vector 20", IDENTIFIER_EXTERNAL_ID, "user_123", "", "user_123",
     "80fba0ae1c48e3978e43e4efc365e14e12ea0c830ba8ba5b9a2dafc7e3f2ab8b"},
    {"vector 21", IDENTIFIER_EXTERNAL_ID, "123", "", "123",
     "a665a45920422f9d417e4867efdc4fb8a04a1f3fff1fa07e998e86f7f7a27ae3"},
    {"vector 22", IDENTIFIER_EXTERNAL_ID, "testId123", "", "testId123",
     "d29ec8c1c9911c497fa1e1fc4693cb23003b09226a093e0ac9a293345c8c0baa"},
    {"vector 23", IDENTIFIER_EXTERNAL_ID, "testid123", "", "testid123",
     "481f202262e9c5ccc48d24e60798fadaa5f6ff1f8369f7ab927c04c3aa682a7f"},
    {"vector 24", IDENTIFIER_EXTERNAL_ID, "  00042  ", "", "00042",
     "be9c43d5e24b5306016a82e2e7b76792eeaaa7c9daee2cb82522ce42fbda3a9a"},
    {"vector 25", IDENTIFIER_NAME, " Jane ", "", "jane",
     "81f8f6dde88365f3928796ec7aa53f72820b06db8664f5fe76a7eb13e24546a2"},
    {"vector 26", IDENTIFIER_NAME, "Jean-Luc", "", "jeanluc",
     "7fef38066db9900f992fa9926eea8cc648f44c2af50c4d511c415422196c8ef5"},
    {"vector 27", IDENTIFIER_NAME, "O'Brien", "", "obrien",
     "b4cb6cb33fe4b865868de825023a1e2790dc12ac01ecc8d7c5afe8254071c8ba"},
    {"vector 28", IDENTIFIER_ZIP, "95110", "", "95110",
     "383f7fffd99f3b1c3066086bcf991eae7ad543589d12bd792ecb6dc8b5acebc1"},
    {"vector 29", IDENTIFIER_ZIP, "95110-1234", "us", "95110",
     "383f7fffd99f3b1c3066086bcf991eae7ad543589d12bd792ecb6dc8b5acebc1"},
    {"vector 30", IDENTIFIER_ZIP, "M5V 3L9", "", "m5v3l9",
     "5c850751d57c5d887fe7807d3da801efe7e8faa1f105ea36cdcd913dd32a41c7"},
    {"vector 31", IDENTIFIER_ZIP, "SW1A 1AA", "", "sw1a1aa",
     "830e1d4b9838bab1f5c2acdb23e0b502ff13a9832c4632e8d67a1d43d3b7f614"},
    {"vector 32", IDENTIFIER_IDFA, "EA7583CD-A667-48BC-B806-42ECB2B48606", "",
     "EA7583CD-A667-48BC-B806-42ECB2B48606",
     "70574fa9c8f498a7b2e5c8712b1126de7b1406fd02fdc591821c5bd33092fd1c"},
    {"vector 33", IDENTIFIER_GAID, "AAAAAA-2222-1111-8787-809E92233BA0", "",
     "aaaaaa-2222-1111-8787-809e92233ba0",
     "0ebad966881e1eebffe69b3abf624631cf83ec9bf8cb3ce134c7c75c6d8ee7fc"},
    {"vector 34", IDENTIFIER_EMAIL,
     "848A771458438FC2EC420560D769FB9B9B86851EE338EC56517BAABD79D3BB4F", "",
     "848a771458438fc2ec420560d769fb9b9b86851ee338ec56517baabd79d3bb4f",
     "848a771458438fc2ec420560d769fb9b9b86851ee338ec56517baabd79d3bb4f"},
    {"vector 35", IDENTIFIER_EMAIL,
     "848a771458438fc2ec420560d769fb9b9b86851ee338ec56517baabd79d3bb4f", "",
     "848a771458438fc2ec420560d769fb9b9b86851ee338ec56517baabd79d3bb4f",
     "848a771458438fc2ec420560d769fb9b9b86851ee338ec56517baabd79d3bb4f"},
};

static const struct {
    const char *name;
    const char *digest;
} mistakes[] = {
    {"empty string hashed", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"literal undefined hashed",
     "eb045d78d273107348b0300c01d29b7552d622abbc6faf81b3ec55359aa9950c"},
    {"literal null hashed", "74234e98afe7498fb5daf1f36ac2d78acc339464f950703b8c019892f982b90b"},
    {"vector 1 without trim/lower-case",
     "6200d6c014e353024cfd6fc8c1ecb74c39cbd242b5ce9a8737bfc011316c5405"},
    {"vector 1 without lower-case",
     "9639dd27216fdc34715f883251347ec2b681b0ee8de8f5418432a57a95e49a01"},
    {"vector 9 without plus", "1f81adb30e11317806be982cc82769fbf8627833a89dd87cb24d282f71828830"},
    {"vector 9 without country",
     "40dd8804c80657ebc5c09cbe68f7f1441bd31571759b4fc274ad85d95fbd9b08"},
    {"vector 10 keeping one space",
     "aec49c9260d8455342ad1a59c7d1951bbc645428696b159d3e13b4f36262e5dd"},
    {"vector 12 keeping hyphens",
     "cba00308ba71ba61fbb0e96f2876fd2cb7eb4e2cfc0e10ec1b90a365b5f026a3"},
    {"vector 18 keeping the trunk zero",
     "4e2b154833817c3fa2d6332246c75f253043292a0edd90ae79e3147f15e9f036"},
    {"vector 19 under the audience rule",
     "a6942f9771d67f34034d2f1926988ed3fad3bf1b4e7cedb9a31f31398dea43bc"},
    {"vector 35 hashed again", "36672e023663a96e41f7a3c88163eaee4c0d29e787f6bb3329bd49a8249ef440"},
    {"IDFA hashed after lower-casing",
     "6cd6140c54b2741b81b0099b232a3ddaeed82df456f43563574877baec22b632"},
};

struct fixture {
    struct sha256 *sha;
    struct buf out;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    fixture->sha = sha256_new();
    buf_init(&fixture->out, 8192);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    sha256_free(fixture->sha);
    buf_fini(&fixture->out);
    free(fixture);
    return 0;
}

/* What is sent: the digest, or the hash that came in. */
static void hash(struct fixture *fixture, struct span raw, char out[65])
{
    if (identifier_is_hashed(raw)) {
        memcpy(out, fixture->out.ptr, 64);
    } else {
        sha256_hex(fixture->sha, buf_span(&fixture->out), out);
    }
    out[64] = '\0';
}

static void every_vector_of_the_reference_comes_out(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(COUNT_OF(vectors), 35);
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        struct span raw = span_of(vectors[i].raw);
        struct span country = span_of(vectors[i].country);
        char digest[65];

        if (!identifier_normalise(vectors[i].kind, raw, country, &fixture->out)) {
            fail_msg("%s: left out", vectors[i].name);
        }
        if (!span_is(buf_span(&fixture->out), vectors[i].normalised)) {
            fail_msg("%s: normalised to %s", vectors[i].name, buf_text(&fixture->out));
        }
        hash(fixture, raw, digest);
        if (strcmp(digest, vectors[i].digest) != 0) {
            fail_msg("%s: digest %s", vectors[i].name, digest);
        }
    }
}

static void no_input_gives_a_digest_that_is_a_known_mistake(void **state)
{
    static const struct {
        enum identifier kind;
        const char *raw;
        const char *country;
    } more[] = {
        {IDENTIFIER_EMAIL, "", ""},
        {IDENTIFIER_EMAIL, " \t\r\n", ""},
        {IDENTIFIER_EXTERNAL_ID, "null", ""},
        {IDENTIFIER_EXTERNAL_ID, " NULL ", ""},
        {IDENTIFIER_EXTERNAL_ID, "undefined", ""},
        {IDENTIFIER_NAME, "Null", ""},
        {IDENTIFIER_NAME, "--", ""},
        {IDENTIFIER_PHONE, "2133734253", ""},
        {IDENTIFIER_PHONE, "2133734253", "US"},
        {IDENTIFIER_PHONE, "13800138000", "CN"},
        {IDENTIFIER_IDFA, "ea7583cd-a667-48bc-b806-42ecb2b48606", ""},
    };
    struct fixture *fixture = *state;

    assert_int_equal(COUNT_OF(mistakes), 13);
    for (size_t i = 0; i < COUNT_OF(vectors) + COUNT_OF(more); i++) {
        bool is_vector = i < COUNT_OF(vectors);
        size_t j = is_vector ? 0 : i - COUNT_OF(vectors);
        struct span raw = span_of(is_vector ? vectors[i].raw : more[j].raw);
        struct span country = span_of(is_vector ? vectors[i].country : more[j].country);
        char digest[65];

        if (!identifier_normalise(is_vector ? vectors[i].kind : more[j].kind, raw, country,
                                  &fixture->out)) {
            continue;
        }
        hash(fixture, raw, digest);
        for (size_t k = 0; k < COUNT_OF(mistakes); k++) {
            if (strcmp(digest, mistakes[k].digest) == 0) {
                fail_msg("input %zu: %s", i, mistakes[k].name);
            }
        }
    }
}

static const struct {
    const char *name;
    enum identifier kind;
    const char *raw;
    const char *country;
    const char *want; /* NULL: left out */
} cases[] = {
    /* telephone numbers */
    {"trunk zero without parentheses", IDENTIFIER_PHONE, "+44 020 7946 0958", "", "+442079460958"},
    {"trunk zeros, however many", IDENTIFIER_PHONE, "+44 0020 7946 0958", "", "+442079460958"},
    {"in parentheses behind a code nobody knows", IDENTIFIER_PHONE, "+999 (0)20 7946 0958", "",
     NULL},
    {"a zero in parentheses that is no trunk prefix", IDENTIFIER_PHONE, "+49 151 (0) 2345678", "",
     "+4915102345678"},
    {"Italy keeps its zero", IDENTIFIER_PHONE, "+39 06 698 1234", "", "+39066981234"},
    {"Italy keeps it in parentheses", IDENTIFIER_PHONE, "+39 (0)6 698 1234", "", "+39066981234"},
    {"German mobile, national", IDENTIFIER_PHONE, "0151 12345678", "DE", "+4915112345678"},
    {"German mobile, lower-case country", IDENTIFIER_PHONE, "0151/123-45678", "de",
     "+4915112345678"},
    {"German number that lacks only the plus", IDENTIFIER_PHONE, "4915112345678", "DE",
     "+4915112345678"},
    {"German number without trunk zero", IDENTIFIER_PHONE, "15112345678", "DE", "+4915112345678"},
    {"international in another country", IDENTIFIER_PHONE, "+33 6 12 34 56 78", "DE",
     "+33612345678"},
    {"00 beats the default country", IDENTIFIER_PHONE, "0033612345678", "DE", "+33612345678"},
    {"00 and a trunk zero", IDENTIFIER_PHONE, "0049 (0) 151 12345678", "", "+4915112345678"},
    {"American exit code", IDENTIFIER_PHONE, "011 44 20 7946 0958", "US", "+442079460958"},
    {"American with its 1", IDENTIFIER_PHONE, "1-213-373-4253", "US", "+12133734253"},
    {"American without", IDENTIFIER_PHONE, "213.373.4253", "US", "+12133734253"},
    {"American without area code", IDENTIFIER_PHONE, "373-4253", "US", NULL},
    {"Australian exit code", IDENTIFIER_PHONE, "0011 1 213 373 4253", "AU", "+12133734253"},
    {"Russian eight", IDENTIFIER_PHONE, "8 (912) 345-67-89", "RU", "+79123456789"},
    {"Russian number that begins with eight", IDENTIFIER_PHONE, "812 345 67 89", "RU",
     "+78123456789"},
    {"Hungarian trunk of two digits", IDENTIFIER_PHONE, "06 20 123 4567", "HU", "+36201234567"},
    {"Belarusian trunk of two digits", IDENTIFIER_PHONE, "8 029 123-45-67", "BY", "+375291234567"},
    {"Spain has no trunk prefix", IDENTIFIER_PHONE, "612 34 56 78", "ES", "+34612345678"},
    {"Spanish with a zero that is none", IDENTIFIER_PHONE, "0612345678", "ES", NULL},
    {"Brazil with country code and no plus", IDENTIFIER_PHONE, "5511987654321", "BR",
     "+5511987654321"},
    {"a national number without country", IDENTIFIER_PHONE, "0151 12345678", "", NULL},
    {"a country nobody knows", IDENTIFIER_PHONE, "0151 12345678", "ZZ", NULL},
    {"ten digits without country", IDENTIFIER_PHONE, "2133734253", "", NULL},
    {"eleven digits without country", IDENTIFIER_PHONE, "12133734253", "", "+12133734253"},
    {"sixteen digits", IDENTIFIER_PHONE, "+1234567890123456", "", NULL},
    {"fifteen digits", IDENTIFIER_PHONE, "+123456789012345", "", "+123456789012345"},
    {"six digits", IDENTIFIER_PHONE, "+123456", "", NULL},
    {"seven digits", IDENTIFIER_PHONE, "+1234567", "", "+1234567"},
    {"no country code begins with zero", IDENTIFIER_PHONE, "+0151 1234567", "", NULL},
    {"two pluses", IDENTIFIER_PHONE, "++4915112345678", "", NULL},
    {"a plus inside", IDENTIFIER_PHONE, "49+15112345678", "", NULL},
    {"an extension", IDENTIFIER_PHONE, "+1 213 373 4253 x12", "", "+12133734253"},
    {"an extension in words", IDENTIFIER_PHONE, "+1 (213) 373-4253 ext. 5", "", "+12133734253"},
    {"an extension in parentheses", IDENTIFIER_PHONE, "+1 213 373 4253 (Ext: 12)", "",
     "+12133734253"},
    {"an extension by number sign", IDENTIFIER_PHONE, "213-373-4253#5", "US", "+12133734253"},
    {"an extension as a parameter", IDENTIFIER_PHONE, "tel:+1-213-373-4253;ext=5", "",
     "+12133734253"},
    {"a pause, then more digits", IDENTIFIER_PHONE, "+12133734253,,5#", "", "+12133734253"},
    {"an extension of letters is none", IDENTIFIER_PHONE, "+1 213 373 4253 ext. five", "", NULL},
    {"an extension longer than one", IDENTIFIER_PHONE, "+1 213 373 4253 x123456789", "", NULL},
    {"an extension of nothing", IDENTIFIER_PHONE, "x12345678", "US", NULL},
    {"a label", IDENTIFIER_PHONE, "Tel.: +49 151 12345678", "", "+4915112345678"},
    {"a URI", IDENTIFIER_PHONE, "TEL:0151-12345678", "DE", "+4915112345678"},
    {"another label", IDENTIFIER_PHONE, "Mobile 0151 12345678", "DE", "+4915112345678"},
    {"quotation marks", IDENTIFIER_PHONE, "\"+49 151 12345678\"", "", "+4915112345678"},
    {"a spreadsheet's mark of text", IDENTIFIER_PHONE, "'0151 12345678", "DE", "+4915112345678"},
    {"a number kept as a float", IDENTIFIER_PHONE, "4915112345678.0", "", "+4915112345678"},
    {"Arabic-Indic digits", IDENTIFIER_PHONE,
     "+\xd9\xa9\xd9\xa7\xd9\xa1 \xd9\xa5\xd9\xa0 \xd9\xa1\xd9\xa2\xd9\xa3 "
     "\xd9\xa4\xd9\xa5\xd9\xa6\xd9\xa7",
     "", "+971501234567"},
    {"Persian digits", IDENTIFIER_PHONE,
     "\xdb\xb0\xdb\xb9\xdb\xb1\xdb\xb2\xdb\xb1\xdb\xb2\xdb\xb3\xdb\xb4\xdb\xb5\xdb\xb6\xdb\xb7",
     "IR", "+989121234567"},
    {"full-width digits", IDENTIFIER_PHONE,
     "\xef\xbc\x8b\xef\xbc\x98\xef\xbc\x91\xef\xbc\x8d\xef\xbc\x99\xef\xbc\x90-1234-5678", "",
     "+819012345678"},
    {"Devanagari digits", IDENTIFIER_PHONE,
     "\xe0\xa5\xaf\xe0\xa5\xae\xe0\xa5\xad\xe0\xa5\xac\xe0\xa5\xab\xe0\xa5\xaa\xe0\xa5\xa9\xe0"
     "\xa5\xa8\xe0\xa5\xa7\xe0\xa5\xa6",
     "IN", "+919876543210"},
    {"its own code and no plus", IDENTIFIER_PHONE, "49 30 1234567", "DE", "+49301234567"},
    {"its own code, a trunk zero and no plus", IDENTIFIER_PHONE, "49 (0)30 1234567", "DE",
     "+49301234567"},
    {"its own code in another country", IDENTIFIER_PHONE, "43 660 1234567", "AT", "+436601234567"},
    {"its own code, shorter than most", IDENTIFIER_PHONE, "4930123456", "DE", NULL},
    {"a number that begins like the code, with its zero", IDENTIFIER_PHONE, "04921 12345", "DE",
     "+49492112345"},
    {"a number that begins like the code", IDENTIFIER_PHONE, "9123456789", "IN", "+919123456789"},
    {"its own code where numbers are short", IDENTIFIER_PHONE, "32 2 123 45 67", "BE",
     "+3221234567"},
    {"its own code where there is no trunk prefix", IDENTIFIER_PHONE, "39 347 1234567", "IT",
     "+393471234567"},
    {"a mobile number that begins like Italy's code", IDENTIFIER_PHONE, "392 1234567", "IT",
     "+393921234567"},
    {"an area code like Brazil's own", IDENTIFIER_PHONE, "55 98765 4321", "BR", "+5555987654321"},
    {"words", IDENTIFIER_PHONE, "call me", "US", NULL},
    {"only a plus", IDENTIFIER_PHONE, "+", "", NULL},
    {"no-break spaces and a hyphen of print", IDENTIFIER_PHONE,
     "+33\xc2\xa0"
     "6\xe2\x80\xaf"
     "12\xe2\x80\x91"
     "34 56 78",
     "", "+33612345678"},
    {"broken UTF-8", IDENTIFIER_PHONE, "+33612345678\xff", "", NULL},
    {"digits beyond any number", IDENTIFIER_PHONE, "+1234567890123456789012345678901234567890", "",
     NULL},
    /* email */
    {"no at sign", IDENTIFIER_EMAIL, "nora.field", "", NULL},
    {"a closing bracket alone", IDENTIFIER_EMAIL, "o>", "", NULL},
    {"wrapped twice, with a space that is no ASCII", IDENTIFIER_EMAIL,
     "\"mailto:nora@shop.example\xc2\xa0\x27", "", "nora@shop.example"},
    {"a trunk prefix dialled twice", IDENTIFIER_PHONE, "06 06 06 06666", "HU", NULL},
    {"a zero-width space behind it", IDENTIFIER_EMAIL, "nora@shop.example\xe2\x80\x8b", "",
     "nora@shop.example"},
    {"marks of direction around it", IDENTIFIER_EMAIL, "\xe2\x80\xaanora@shop.example\xe2\x80\xac",
     "", "nora@shop.example"},
    {"half a pair of brackets", IDENTIFIER_EMAIL, "nora@shop.example>", "", NULL},
    {"a comment", IDENTIFIER_EMAIL, "nora(home)@shop.example", "", NULL},
    {"a zero-width space behind an id", IDENTIFIER_EXTERNAL_ID, "C-1\xe2\x80\x8b", "", "C-1"},
    {"nothing before it", IDENTIFIER_EMAIL, "@shop.example", "", NULL},
    {"nothing behind it", IDENTIFIER_EMAIL, "nora@", "", NULL},
    {"two of them", IDENTIFIER_EMAIL, "a@b@shop.example", "", NULL},
    {"a space inside", IDENTIFIER_EMAIL, "nora field@shop.example", "", NULL},
    {"dots and plus are kept", IDENTIFIER_EMAIL, "No.Ra+x@Gmail.COM", "", "no.ra+x@gmail.com"},
    {"a URI", IDENTIFIER_EMAIL, "MailTo:Nora@Shop.example?subject=x", "", "nora@shop.example"},
    {"a name before it", IDENTIFIER_EMAIL, "Nora Field <Nora@shop.example>", "",
     "nora@shop.example"},
    {"a name in quotation marks", IDENTIFIER_EMAIL, "\"Field, N\" <nora@shop.example>", "",
     "nora@shop.example"},
    {"angle brackets alone", IDENTIFIER_EMAIL, "<nora@shop.example>", "", "nora@shop.example"},
    {"quotation marks", IDENTIFIER_EMAIL, " \"Nora@shop.example\" ", "", "nora@shop.example"},
    {"a dot at the end", IDENTIFIER_EMAIL, "nora@shop.example.", "", "nora@shop.example"},
    {"what separates addresses", IDENTIFIER_EMAIL, "nora@shop.example;", "", "nora@shop.example"},
    {"two addresses", IDENTIFIER_EMAIL, "nora@shop.example, ida@shop.example", "", NULL},
    {"two in angle brackets", IDENTIFIER_EMAIL, "<nora@a.example> <ida@a.example>", "", NULL},
    {"an at sign that is still encoded", IDENTIFIER_EMAIL, "nora%40shop.example", "",
     "nora@shop.example"},
    {"an apostrophe inside", IDENTIFIER_EMAIL, "o'brien@shop.example", "", "o'brien@shop.example"},
    {"an international domain", IDENTIFIER_EMAIL, "nora@M\xc3\x9cLLER.example", "",
     "nora@m\xc3\xbcller.example"},
    {"nothing but marks", IDENTIFIER_EMAIL, "\"<>\"", "", NULL},
    {"no-break space and byte order mark", IDENTIFIER_EMAIL,
     "\xef\xbb\xbf\xc2\xa0"
     "A@shop.example\xe3\x80\x80",
     "", "a@shop.example"},
    {"Greek", IDENTIFIER_EMAIL, "\xce\x9d\xce\x9f@shop.example", "",
     "\xce\xbd\xce\xbf@shop.example"},
    {"an MD5 digest", IDENTIFIER_EMAIL, "0123456789abcdef0123456789ABCDEF", "", NULL},
    /* external ids keep what they are */
    {"leading zeros", IDENTIFIER_EXTERNAL_ID, "000", "", "000"},
    {"an MD5 digest as an id", IDENTIFIER_EXTERNAL_ID, "0123456789abcdef0123456789abcdef", "",
     NULL},
    {"31 hex digits are an id", IDENTIFIER_EXTERNAL_ID, "0123456789abcdef0123456789abcde", "",
     "0123456789abcdef0123456789abcde"},
    {"63 hex digits are an id", IDENTIFIER_EXTERNAL_ID,
     "848a771458438fc2ec420560d769fb9b9b86851ee338ec56517baabd79d3bb4", "",
     "848a771458438fc2ec420560d769fb9b9b86851ee338ec56517baabd79d3bb4"},
    {"a digest with white space around", IDENTIFIER_EXTERNAL_ID,
     " 848A771458438fc2ec420560d769fb9b9b86851ee338ec56517baabd79d3bb4f\n", "",
     "848a771458438fc2ec420560d769fb9b9b86851ee338ec56517baabd79d3bb4f"},
    /* names and places */
    {"a typographic apostrophe", IDENTIFIER_NAME,
     "O\xe2\x80\x99"
     "Brien",
     "", "obrien"},
    {"two words", IDENTIFIER_NAME, "Mary Ann", "", "maryann"},
    {"accents stay", IDENTIFIER_NAME, "\xc3\x89mile", "", "\xc3\xa9mile"},
    {"only punctuation", IDENTIFIER_NAME, "-.'", "", NULL},
    {"city", IDENTIFIER_PLACE, "San Jos\xc3\xa9", "", "sanjos\xc3\xa9"},
    {"state", IDENTIFIER_PLACE, "CA", "", "ca"},
    {"a hashed city is none", IDENTIFIER_PLACE,
     "848a771458438fc2ec420560d769fb9b9b86851ee338ec56517baabd79d3bb4f", "", NULL},
    {"country", IDENTIFIER_COUNTRY, " DE ", "", "de"},
    {"a country by name", IDENTIFIER_COUNTRY, "Germany", "", NULL},
    {"a country by number", IDENTIFIER_COUNTRY, "49", "", NULL},
    /* zip codes */
    {"nine digits, American", IDENTIFIER_ZIP, "951101234", "US", "95110"},
    {"nine digits elsewhere", IDENTIFIER_ZIP, "951101234", "", "951101234"},
    {"four digits, American", IDENTIFIER_ZIP, "9511", "US", NULL},
    {"letters, American", IDENTIFIER_ZIP, "M5V 3L9", "US", NULL},
    /* devices */
    {"withheld", IDENTIFIER_IDFA, "00000000-0000-0000-0000-000000000000", "", NULL},
    {"withheld on the other", IDENTIFIER_GAID, "00000000-0000-0000-0000-000000000000", "", NULL},
    {"raised", IDENTIFIER_IDFA, "ea7583cd-a667-48bc-b806-42ecb2b48606", "",
     "EA7583CD-A667-48BC-B806-42ECB2B48606"},
    {"no device id", IDENTIFIER_GAID, "not one!", "", NULL},
};

static void other_inputs_are_normalised_or_left_out(void **state)
{
    struct fixture *fixture = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bool is_usable = identifier_normalise(cases[i].kind, span_of(cases[i].raw),
                                              span_of(cases[i].country), &fixture->out);

        if (is_usable != (cases[i].want != NULL)) {
            fail_msg("%s: %s", cases[i].name, is_usable ? buf_text(&fixture->out) : "left out");
        }
        if (is_usable && !span_is(buf_span(&fixture->out), cases[i].want)) {
            fail_msg("%s: %s", cases[i].name, buf_text(&fixture->out));
        }
    }
}

static void input_is_bounded(void **state)
{
    struct fixture *fixture = *state;
    char text[4096];

    memset(text, 'a', sizeof(text));
    for (int kind = IDENTIFIER_EMAIL; kind <= IDENTIFIER_COUNTRY; kind++) {
        assert_false(identifier_normalise((enum identifier)kind, (struct span){text, 1025},
                                          SPAN_NONE, &fixture->out));
        assert_false(identifier_normalise((enum identifier)kind, (struct span){text, 0}, SPAN_NONE,
                                          &fixture->out));
    }
    assert_true(identifier_normalise(IDENTIFIER_EXTERNAL_ID, (struct span){text, 1024}, SPAN_NONE,
                                     &fixture->out));
    assert_int_equal(fixture->out.len, 1024);
    memset(text, ' ', sizeof(text));
    assert_false(identifier_is_hashed((struct span){text, sizeof(text)}));
    assert_false(identifier_is_hashed(SPAN_NONE));
}

static void an_output_without_room_is_no_identifier(void **state)
{
    struct buf small;

    (void)state;
    buf_init(&small, 4);
    assert_false(
        identifier_normalise(IDENTIFIER_EXTERNAL_ID, SPAN("longer than 4"), SPAN_NONE, &small));
    buf_fini(&small);
}

static void one_context_hashes_again_and_again(void **state)
{
    struct fixture *fixture = *state;
    char first[64];
    char again[64];
    char other[64];

    sha256_hex(fixture->sha, SPAN("user_123"), first);
    sha256_hex(fixture->sha, SPAN("somebody else"), other);
    sha256_hex(fixture->sha, SPAN("user_123"), again);
    assert_memory_equal(first, again, 64);
    assert_memory_not_equal(first, other, 64);
    sha256_hex(fixture->sha, SPAN_NONE, first);
    assert_memory_equal(first, mistakes[0].digest, 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_vector_of_the_reference_comes_out, setup, teardown),
        cmocka_unit_test_setup_teardown(no_input_gives_a_digest_that_is_a_known_mistake, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(other_inputs_are_normalised_or_left_out, setup, teardown),
        cmocka_unit_test_setup_teardown(input_is_bounded, setup, teardown),
        cmocka_unit_test(an_output_without_room_is_no_identifier),
        cmocka_unit_test_setup_teardown(one_context_hashes_again_and_again, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
