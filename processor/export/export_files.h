/**
 * export_files - the numbered files of an export: PREFIX-001.csv, PREFIX-002.csv, ...
 *
 * A file is written as PREFIX-001.csv.part and gets its name when everything is written: what has
 * its name is whole. Its owner alone may read it (0600): it holds personal data, if only as hashes.
 * A file ends before it would pass the limits of bytes or rows, and each begins with the same head.
 *
 * Names that are there already are an error (ERR_USAGE) unless is_forced: then they are replaced,
 * and files with higher numbers of an earlier, longer export are removed. Two exports with one
 * prefix exclude one another (a lock on the first file). Other errors: ERR_IO, with the file and
 * the reason. One thread owns it.
 */
#ifndef EXPORT_EXPORT_FILES_H
#define EXPORT_EXPORT_FILES_H

#include "base/buf.h"
#include "base/err.h"
#include "export/file_hash.h"

struct export_file {
    char *name; /* owned; with the path */
    uint64_t rows, bytes;
    char sha256[FILE_HASH_TEXT_BYTES];
};

struct export_naming {
    const char *prefix, *ending; /* "out", "csv" */
    struct span head;            /* what each file begins with */
    uint64_t rows_max;           /* of a file, without the head; 0: none */
    uint64_t bytes_max;          /* of a file */
    bool is_forced;
};

struct export_files;

/** Texts are copied. Creates nothing yet. */
NODISCARD enum err_code export_files_open(const struct export_naming *naming,
                                          struct export_files **out, struct err *err);
/** A row, whole. ERR_LIMIT: it is larger than a file may be; nothing was written. */
NODISCARD enum err_code export_files_add(struct export_files *files, struct span row,
                                         struct err *err);
/** All is written and on the disk, under the temporary names. */
NODISCARD enum err_code export_files_finish(struct export_files *files, struct err *err);
/** Then: give them their names, the files and PREFIX.manifest.json with @manifest in it. */
NODISCARD enum err_code export_files_publish(struct export_files *files, struct span manifest,
                                             struct err *err);
/** What is finished, in order; the last one is not before export_files_finish(). */
const struct export_file *export_files_list(const struct export_files *files, size_t *count);
const char *export_files_manifest(const struct export_files *files);
/** What has no name of its own by then is removed, unless it is finished (is_kept). */
void export_files_close(struct export_files *files, bool is_kept); /* may be NULL */

#endif /* EXPORT_EXPORT_FILES_H */
