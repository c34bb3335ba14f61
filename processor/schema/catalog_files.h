/**
 * catalog_files - the .avsc files of schemas.directory, read and parsed.
 *
 * Files may use each other's named types; each is first parsed alone and, when that
 * fails, with all the others to look names up in. Private to the catalog.
 *
 * The caller owns the files. Used at the start by one thread.
 */
#ifndef SCHEMA_CATALOG_FILES_H
#define SCHEMA_CATALOG_FILES_H

#include <sys/types.h>

#include "base/diag.h"
#include "schema/schema.h"

struct schema_file {
    char *path; /* owned */
    char *text; /* owned; NULL when it could not be read */
    size_t text_bytes;
    bool is_json;
    dev_t device; /* with inode: which file it is, whatever it is called */
    ino_t inode;
    struct schema *schema; /* owned; NULL when it is not valid */
    char *unfit;           /* owned; why it can only be a writer's; NULL: a reader's, too */
    struct place unfit_place;
};

struct schema_files {
    struct schema_file *items; /* owned */
    size_t count;
    size_t directory_count; /* of them, those in the directory; ids: may name others */
    size_t bytes_max;       /* of one */
};

/** Every *.avsc in @directory, by name, of at most @bytes_max each. What is wrong goes to @diags,
 * with the file's name; what is wrong only with a reader's schema is left to schema_file_unfit().
 */
void schema_files_load(struct schema_files *files, struct span directory, size_t bytes_max,
                       struct place place, struct diags *diags);
/** Whether @file cannot be a reader's schema; the reason is in @diags then. */
bool schema_file_unfit(const struct schema_file *file, struct diags *diags);
void schema_files_fini(struct schema_files *files);
/** The index of the file at @path, which is read and parsed when it is not among them yet; false
 * when it cannot be used, with the reason in @diags. */
bool schema_files_get(struct schema_files *files, struct span path, struct place place,
                      struct diags *diags, size_t *index);
/** The index of the file at @path if it is among them. */
bool schema_files_find(const struct schema_files *files, struct span path, size_t *index);
/** "conversion_event.avsc" of its path. */
const char *schema_file_name(const struct schema_file *file);

#endif /* SCHEMA_CATALOG_FILES_H */
