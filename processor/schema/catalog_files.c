#include "schema/catalog_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "schema/memory.h"
#include "schema/vet.h"

const char *schema_file_name(const struct schema_file *file)
{
    const char *slash = strrchr(file->path, '/');

    return slash == NULL ? file->path : slash + 1;
}

/* Beyond JSON's own mistakes nothing tells the line. */
static struct place at_file(const struct schema_file *file)
{
    return (struct place){file->path, 1, 1};
}

static bool read_all(int fd, char *to, size_t bytes)
{
    size_t len = 0;

    while (len < bytes) {
        ssize_t got = read(fd, to + len, bytes - len);

        if (got == 0 || (got < 0 && errno != EINTR)) {
            return false;
        }
        len += got > 0 ? (size_t)got : 0;
    }
    return true;
}

/* The text of an open file, or why not. */
static const char *take_text(struct schema_file *file, size_t bytes_max, int fd)
{
    struct stat status;

    if (fstat(fd, &status) != 0) {
        return strerror(errno);
    }
    if (!S_ISREG(status.st_mode)) {
        return "it is no regular file";
    }
    if ((uint64_t)status.st_size > bytes_max) {
        return "it is larger than schemas.max_bytes";
    }
    file->device = status.st_dev;
    file->inode = status.st_ino;
    file->text_bytes = (size_t)status.st_size;
    file->text = mem_zero(file->text_bytes + 1, 1);
    return read_all(fd, file->text, file->text_bytes) ? NULL : "it ended while it was read";
}

static void read_file(const struct schema_files *files, struct schema_file *file,
                      struct diags *diags)
{
    int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hold us up */
    const char *why = fd < 0 ? strerror(errno) : take_text(file, files->bytes_max, fd);

    if (fd >= 0) {
        close(fd);
    }
    if (why != NULL) {
        diag_error(diags, at_file(file), "the schema cannot be read: %s", why);
        free(file->text);
        file->text = NULL;
    }
}

static struct span text_of(const struct schema_file *file)
{
    return (struct span){file->text, file->text_bytes};
}

/* Broken JSON is its own file's error, and no reference for the others. */
static void check_json(const struct schema_files *files, struct schema_file *file)
{
    const struct schema_rules rules = {.bytes_max = files->bytes_max};
    json_t *json = NULL;

    file->is_json =
        file->text != NULL && schema_json_load(text_of(file), &rules, &json, NULL) == ERR_OK;
    json_decref(json);
}

static enum err_code parse_with_others(const struct schema_files *files,
                                       const struct schema_rules *rules, struct schema_file *file,
                                       struct err *err)
{
    struct schema_reference *references = mem_array(files->count + 1, struct schema_reference);
    size_t count = 0;
    enum err_code rc;

    for (size_t i = 0; i < files->count; i++) {
        if (&files->items[i] != file && files->items[i].is_json) {
            references[count++] = (struct schema_reference){
                .name = span_of(schema_file_name(&files->items[i])),
                .json = text_of(&files->items[i]),
            };
        }
    }
    rc = schema_parse_as(rules, text_of(file), references, count, &file->schema, err);
    free(references);
    return rc;
}

static enum err_code parse_as(const struct schema_files *files, bool is_writer,
                              struct schema_file *file, struct err *err)
{
    const struct schema_rules rules = {.is_writer = is_writer, .bytes_max = files->bytes_max};
    enum err_code rc = schema_parse_as(&rules, text_of(file), NULL, 0, &file->schema, err);

    if (rc != ERR_OK && file->is_json) {
        rc = parse_with_others(files, &rules, file, err);
    }
    return rc;
}

static void parse(const struct schema_files *files, struct schema_file *file, struct diags *diags)
{
    struct place place = at_file(file);
    const char *problem;
    struct err why;
    struct err err;

    if (file->text == NULL || parse_as(files, false, file, &why) == ERR_OK) {
        return;
    }
    problem = schema_json_problem(text_of(file), &place.line, &place.column);
    if (parse_as(files, true, file, &err) == ERR_OK) {
        file->unfit = mem_text(span_of(problem == NULL ? why.text : problem));
        file->unfit_place = place;
        return;
    }
    file->schema = NULL;
    diag_error(diags, place, "%s", problem == NULL ? why.text : problem);
}

bool schema_file_unfit(const struct schema_file *file, struct diags *diags)
{
    if (file->unfit != NULL) {
        diag_error(diags, file->unfit_place, "%s", file->unfit);
    }
    return file->unfit != NULL;
}

/* Takes @path. */
static struct schema_file *add_file(struct schema_files *files, char *path)
{
    files->items = mem_grow(files->items, files->count + 1, sizeof(files->items[0]));
    files->items[files->count] = (struct schema_file){.path = path};
    return &files->items[files->count++];
}

static int compare_paths(const void *a, const void *b)
{
    const struct schema_file *left = a;
    const struct schema_file *right = b;

    return strcmp(left->path, right->path);
}

static void list(struct schema_files *files, DIR *open, struct span directory)
{
    const struct dirent *entry;

    while ((entry = readdir(open)) != NULL) {
        struct span name = span_of(entry->d_name);

        /* hidden ones are an editor's */
        if (span_ends(name, SPAN(".avsc")) && name.ptr[0] != '.') {
            add_file(files, mem_format(SPAN_FMT "/" SPAN_FMT, SPAN_ARG(directory), SPAN_ARG(name)));
        }
    }
    if (files->count > 1) {
        qsort(files->items, files->count, sizeof(files->items[0]), compare_paths);
    }
}

void schema_files_load(struct schema_files *files, struct span directory, size_t bytes_max,
                       struct place place, struct diags *diags)
{
    char *path = mem_text(directory);
    DIR *open = opendir(path);

    files->bytes_max = bytes_max;
    if (open == NULL) {
        diag_error(diags, place, "schemas.directory: %s cannot be read: %s", path, strerror(errno));
        free(path);
        return;
    }
    list(files, open, directory);
    closedir(open);
    free(path);
    if (files->count == 0 || files->count > SCHEMA_REFERENCES_MAX) {
        diag_error(diags, place,
                   "schemas.directory: " SPAN_FMT " has %zu .avsc files; 1 to %d are "
                   "needed",
                   SPAN_ARG(directory), files->count, SCHEMA_REFERENCES_MAX);
        schema_files_fini(files);
        return;
    }
    files->directory_count = files->count;
    for (size_t i = 0; i < files->count; i++) {
        read_file(files, &files->items[i], diags);
        check_json(files, &files->items[i]);
    }
    for (size_t i = 0; i < files->count; i++) {
        parse(files, &files->items[i], diags);
    }
}

void schema_files_fini(struct schema_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        schema_free(files->items[i].schema);
        free(files->items[i].unfit);
        free(files->items[i].text);
        free(files->items[i].path);
    }
    free(files->items);
    *files = (struct schema_files){0};
}

static bool find_file(const struct schema_files *files, const char *path, size_t *index)
{
    struct stat status;

    if (stat(path, &status) != 0) {
        return false;
    }
    for (size_t i = 0; i < files->count; i++) {
        if (files->items[i].text != NULL && files->items[i].device == status.st_dev &&
            files->items[i].inode == status.st_ino) {
            *index = i;
            return true;
        }
    }
    return false;
}

bool schema_files_find(const struct schema_files *files, struct span path, size_t *index)
{
    char *text = mem_text(path);
    bool is_known = find_file(files, text, index);

    free(text);
    return is_known;
}

bool schema_files_get(struct schema_files *files, struct span path, struct place place,
                      struct diags *diags, size_t *index)
{
    char *text = mem_text(path);
    bool is_known = find_file(files, text, index);

    if (!is_known && access(text, R_OK) != 0) {
        diag_error(diags, place, "the schema %s cannot be read: %s", text, strerror(errno));
        free(text);
        return false;
    }
    if (is_known) {
        free(text);
    } else {
        *index = files->count;
        add_file(files, text);
        read_file(files, &files->items[*index], diags);
        check_json(files, &files->items[*index]);
        parse(files, &files->items[*index], diags);
    }
    return files->items[*index].schema != NULL;
}
