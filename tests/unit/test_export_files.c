/* The files of an export: cells, forms, splitting, names, digests. */
#include "export/export_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "export/seen_ids.h"
#include "export/upload_form.h"

enum { TEXT_BYTES = 4096 };

/* cells */

static const struct {
    const char *name;
    struct span text;
    const char *want;
    uint64_t changed;
} cells[] = {
    {"a word", {"blue", 4}, "blue", 0},
    {"absent", {NULL, 0}, "", 0},
    {"a comma", {"a,b", 3}, "\"a,b\"", 0},
    {"a quotation mark", {"a\"b", 3}, "\"a\"\"b\"", 0},
    {"a line break", {"a\nb", 3}, "\"a\nb\"", 0},
    {"white space at the ends", {" a ", 3}, "\" a \"", 0},
    {"UTF-8", {"\xc3\xa9\xf0\x9f\x9b\x92", 6}, "\xc3\xa9\xf0\x9f\x9b\x92", 0},
    {"a formula", {"=1+1", 4}, "'=1+1", 1},
    {"a formula with quotes", {"=A(\"x\")", 7}, "\"'=A(\"\"x\"\")\"", 1},
    {"a plus", {"+cmd|x", 6}, "'+cmd|x", 1},
    {"a minus", {"-2+3", 4}, "'-2+3", 1},
    {"an at", {"@SUM(1)", 7}, "'@SUM(1)", 1},
    {"a tab", {"\t=1", 3}, "\"'\t=1\"", 1},
    {"a return", {"\r=1", 3}, "\"'\r=1\"", 1},
    {"a negative number", {"-5", 2}, "-5", 0},
    {"a number with a plus", {"+3.50", 5}, "+3.50", 0},
    {"two points are no number", {"-1.2.3", 6}, "'-1.2.3", 1},
    {"a sign alone", {"-", 1}, "'-", 1},
    {"a point at the end", {"-5.", 3}, "'-5.", 1},
    {"a NUL before a formula", {"\0=1", 3}, "'=1", 2},
    {"a NUL inside", {"a\0b", 3}, "\"ab\"", 1},
};

static void cells_are_written_so_that_nothing_calculates(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cells); i++) {
        struct buf out;
        struct csv_row row = {.out = &out};

        buf_init(&out, TEXT_BYTES);
        csv_text(&row, SPAN("x"));
        csv_text(&row, cells[i].text);
        csv_number(&row, SPAN("-7"));
        csv_end(&row);
        buf_add_char(&out, '\0');
        print_message("%s\n", cells[i].name);
        assert_int_equal(strncmp(out.ptr, "x,", 2), 0);
        assert_int_equal(strncmp(out.ptr + 2, cells[i].want, strlen(cells[i].want)), 0);
        assert_string_equal(out.ptr + 2 + strlen(cells[i].want), ",-7\r\n");
        assert_int_equal(row.changed, cells[i].changed);
        buf_fini(&out);
    }
}

/* forms */

static enum upload_answer write_item(const char *form, const char *item, bool is_masked,
                                     struct buf *out, bool *has_products)
{
    json_t *parsed = json_loads(item, 0, NULL);
    struct csv_row row = {.out = out};
    struct upload_row upload = {.row = &row, .is_masked = is_masked};
    enum upload_answer answer;

    assert_non_null(parsed);
    answer = upload_form_write(upload_form_find(span_of(form)), parsed, &upload);
    *has_products = upload.has_products;
    json_decref(parsed);
    return answer;
}

static const struct {
    const char *name, *form, *item, *want;
    enum upload_answer answer;
    bool is_masked, has_products;
} items[] = {
    {"everything of the offline form", "offline",
     "{\"event\":\"AddToCart\",\"event_time\":1773223200,\"event_id\":\"e\",\"user\":{\"email\":["
     "\"aa\","
     "\"bb\"],\"phone\":\"cc\"},\"properties\":{\"order_id\":\"o\",\"shop_id\":\"s\",\"event_"
     "channel\":"
     "\"in "
     "store\",\"content_type\":\"product\",\"currency\":\"EUR\",\"value\":19.99,\"contents\":[{"
     "\"content_id\":\"i\",\"content_category\":\"c\",\"content_name\":\"n\",\"brand\":\"b\","
     "\"price\":"
     "-1.5,\"quantity\":3}]}}",
     "Add to Cart,aa,cc,2026-03-11T10:00:00Z,e,o,s,in store,i,product,c,n,b,-1.5,3,EUR,19.99\r\n",
     UPLOAD_ROW, false, false},
    {"two products", "offline",
     "{\"event\":\"Purchase\",\"event_time\":0,\"user\":{\"phone\":\"cc\"},\"properties\":{"
     "\"contents\":[{"
     "\"content_id\":\"i\"},{\"content_id\":\"k\"}],\"value\":1e20}}",
     "Purchase,,cc,1970-01-01T00:00:00Z,,,,,,,,,,,,,100000000000000000000.000000\r\n", UPLOAD_ROW,
     false, true},
    {"a former name", "offline", "{\"event\":\"CompletePayment\",\"user\":{\"email\":\"aa\"}}",
     "Purchase,aa,,,,,,,,,,,,,,,\r\n", UPLOAD_ROW, false, false},
    {"masked", "offline", "{\"event\":\"Search\",\"user\":{\"email\":\"aa\"}}",
     "Search,[hidden],,,,,,,,,,,,,,,\r\n", UPLOAD_ROW, true, false},
    {"no such event", "offline", "{\"event\":\"Invented\",\"user\":{\"email\":\"aa\"}}", "",
     UPLOAD_NO_NAME, false, false},
    {"nobody's", "offline", "{\"event\":\"Search\",\"user\":{\"email\":[],\"external_id\":\"x\"}}",
     "", UPLOAD_NO_IDENTIFIER, false, false},
    {"the CRM form", "crm",
     "{\"event\":\"Hot "
     "Lead\",\"event_time\":1773223200,\"event_id\":\"e\",\"user\":{\"email\":\"aa\","
     "\"ttclid\":\"E.C\"},\"lead\":{\"lead_id\":\"l\"}}",
     "Hot Lead,2026-03-11T10:00:00Z,l,aa,,E.C,e\r\n", UPLOAD_ROW, false, false},
    {"a lead alone", "crm", "{\"event\":\"x\",\"lead\":{\"lead_id\":\"l\"}}", "x,,l,,,,\r\n",
     UPLOAD_ROW, false, false},
    {"a click is nobody", "crm", "{\"event\":\"x\",\"user\":{\"ttclid\":\"E.C\"}}", "",
     UPLOAD_NO_IDENTIFIER, false, false},
};

static void an_item_becomes_a_row_of_the_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(items); i++) {
        bool has_products = false;
        struct buf out;

        buf_init(&out, TEXT_BYTES);
        print_message("%s\n", items[i].name);
        assert_int_equal(
            write_item(items[i].form, items[i].item, items[i].is_masked, &out, &has_products),
            items[i].answer);
        assert_string_equal(buf_text(&out), items[i].want);
        assert_int_equal(has_products, items[i].has_products);
        buf_fini(&out);
    }
    assert_null(upload_form_find(SPAN("web")));
}

/* files */

static char directory[] = "/tmp/detour-export-XXXXXX";

static char *path(const char *name)
{
    static char text[TEXT_BYTES];

    (void)snprintf(text, sizeof(text), "%s/%s", directory, name);
    return text;
}

static void check_content(const char *name, const char *want)
{
    char text[TEXT_BYTES] = "";
    FILE *file = fopen(path(name), "rb");

    assert_non_null(file);
    (void)!fread(text, 1, sizeof(text) - 1, file);
    (void)fclose(file);
    assert_string_equal(text, want);
}

static bool is_there(const char *name)
{
    return access(path(name), F_OK) == 0;
}

static struct err err;

static enum err_code open_files(const char *name, const char *head,
                                const struct export_naming *limits, bool is_forced,
                                struct export_files **out)
{
    struct export_naming naming = *limits;

    naming.prefix = path(name);
    naming.ending = "csv";
    naming.head = span_of(head);
    naming.is_forced = is_forced;
    return export_files_open(&naming, out, &err);
}

static void add_rows(struct export_files *files, size_t count)
{

    for (size_t i = 0; i < count; i++) {
        char row[16];

        (void)snprintf(row, sizeof(row), "r%zu\n", i);
        assert_int_equal(export_files_add(files, span_of(row), &err), ERR_OK);
    }
}

static void files_have_their_names_only_when_they_are_whole(void **state)
{
    const struct export_naming limits = {.rows_max = 3, .bytes_max = 8}; /* head, and two rows */
    struct export_files *files = NULL;
    struct export_files *other = NULL;
    const struct export_file *list;
    size_t count;
    struct stat found;

    (void)state;
    assert_int_equal(open_files("a", "h\n", &limits, false, &files), ERR_OK);
    assert_int_equal(export_files_add(files, SPAN("123456\n"), &err), ERR_LIMIT);
    add_rows(files, 5);
    assert_true(is_there("a-001.csv.part") && !is_there("a-001.csv"));
    assert_int_equal(open_files("a", "h\n", &limits, true, &other), ERR_OK);
    assert_int_equal(export_files_add(other, SPAN("x\n"), &err), ERR_BUSY);
    export_files_close(other, false);
    assert_int_equal(export_files_finish(files, &err), ERR_OK);
    list = export_files_list(files, &count);
    assert_int_equal(count, 3);
    assert_int_equal(list[0].rows, 2);
    assert_int_equal(list[2].bytes, 5);
    /* printf 'h\nr0\nr1\n' | sha256sum */
    assert_string_equal(list[0].sha256,
                        "f621b0a5502face22999f13603b1c24118391ade1965b8c7fb6a49ca864c89d6");
    assert_int_equal(export_files_publish(files, SPAN("{}"), &err), ERR_OK);
    export_files_close(files, true);
    check_content("a-001.csv", "h\nr0\nr1\n");
    check_content("a-003.csv", "h\nr4\n");
    check_content("a.manifest.json", "{}");
    assert_int_equal(stat(path("a-001.csv"), &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);
    assert_false(is_there("a-001.csv.part"));
}

static void nothing_is_replaced_unless_it_is_forced(void **state)
{
    const struct export_naming limits = {.bytes_max = 1000};
    struct export_files *files = NULL;

    (void)state;
    assert_int_equal(open_files("a", "", &limits, false, &files), ERR_USAGE);
    assert_non_null(strstr(err.text, "--force"));
    assert_int_equal(open_files("a", "", &limits, true, &files), ERR_OK);
    add_rows(files, 1);
    assert_int_equal(export_files_finish(files, &err), ERR_OK);
    assert_int_equal(export_files_publish(files, SPAN("[]"), &err), ERR_OK);
    export_files_close(files, true);
    check_content("a-001.csv", "r0\n");
    check_content("a.manifest.json", "[]");
    assert_false(is_there("a-002.csv") || is_there("a-003.csv"));
}

static void what_failed_leaves_nothing(void **state)
{
    const struct export_naming limits = {.bytes_max = 1000};
    struct export_files *files = NULL;

    (void)state;
    assert_int_equal(open_files("b", "", &limits, false, &files), ERR_OK);
    add_rows(files, 1);
    export_files_close(files, true); /* it was not finished */
    assert_false(is_there("b-001.csv") || is_there("b-001.csv.part"));
    assert_int_equal(open_files("none/b", "", &limits, false, &files), ERR_OK);
    assert_int_equal(export_files_add(files, SPAN("x"), &err), ERR_IO);
    export_files_close(files, false);
}

static int remove_directory(void **state)
{
    char command[TEXT_BYTES];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf %s", directory);
    return system(command);
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) == NULL;
}

/* ids */

static void ids_are_remembered_for_a_while(void **state)
{
    struct seen_ids *seen = seen_ids_new(64);

    (void)state;
    for (int i = 0; i < 1000; i++) {
        char id[16];

        (void)snprintf(id, sizeof(id), "e-%d", i);
        assert_true(seen_ids_add(seen, span_of(id)));
        assert_false(seen_ids_add(seen, span_of(id)));
        if (i >= 64) { /* one half is behind it at least */
            (void)snprintf(id, sizeof(id), "e-%d", i - 64);
            assert_false(seen_ids_add(seen, span_of(id)));
        }
    }
    assert_true(seen_ids_add(seen, SPAN("e-0")));
    assert_true(seen_ids_add(seen, SPAN("")));
    seen_ids_free(seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_written_so_that_nothing_calculates),
        cmocka_unit_test(an_item_becomes_a_row_of_the_form),
        cmocka_unit_test(files_have_their_names_only_when_they_are_whole),
        cmocka_unit_test(nothing_is_replaced_unless_it_is_forced),
        cmocka_unit_test(what_failed_leaves_nothing),
        cmocka_unit_test(ids_are_remembered_for_a_while),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
