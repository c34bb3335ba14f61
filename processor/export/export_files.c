#include "export/export_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum { WRITE_BYTES = 256 * 1024, HEAD_BYTES_MAX = 64 * 1024, OWNER_ONLY = 0600 };

struct export_files {
    char *prefix, *ending; /* owned, as all below */
    char *manifest;
    struct buf head;
    uint64_t rows_max, bytes_max;
    bool is_forced;
    bool is_whole;      /* all is finished */
    int lock;           /* of the first file's temporary name; -1: nothing is written yet */
    int fd;             /* of the last file; -1: none is open */
    struct buf waiting; /* bytes for it */
    struct file_hash *hash;
    struct export_file *items; /* the last one is being written while fd is open */
    size_t count;
};

static char *part_of(const char *name)
{
    return mem_format("%s.part", name);
}

static enum err_code fail(const char *name, const char *what, struct err *err)
{
    return FAIL(err, ERR_IO, "%.300s %s: %s", name, what, strerror(errno));
}

/* A name that is there already belongs to somebody. */
static enum err_code check_free(const struct export_files *files, const char *name, struct err *err)
{
    struct stat found;

    return files->is_forced || lstat(name, &found) != 0
               ? ERR_OK
               : FAIL(err, ERR_USAGE,
                      "%.300s is there already; --force replaces it, --out chooses another name",
                      name);
}

static char *name_of(const struct export_files *files, size_t number)
{
    return mem_format("%s-%03zu.%s", files->prefix, number, files->ending);
}

enum err_code export_files_open(const struct export_naming *naming, struct export_files **out,
                                struct err *err)
{
    struct export_files *files = mem_new(struct export_files);
    char *first;
    enum err_code rc;

    files->prefix = mem_text(span_of(naming->prefix));
    files->ending = mem_text(span_of(naming->ending));
    files->manifest = mem_format("%s.manifest.json", naming->prefix);
    files->rows_max = naming->rows_max;
    files->bytes_max = naming->bytes_max;
    files->is_forced = naming->is_forced;
    files->lock = files->fd = -1;
    buf_init(&files->head, HEAD_BYTES_MAX);
    buf_add_span(&files->head, naming->head);
    buf_init(&files->waiting, 2 * WRITE_BYTES);
    files->hash = file_hash_new();
    first = name_of(files, 1);
    rc = check_free(files, files->manifest, err);
    rc = rc == ERR_OK ? check_free(files, first, err) : rc;
    free(first);
    if (rc == ERR_OK) {
        *out = files;
    } else {
        export_files_close(files, false);
    }
    return rc;
}

/* writing */

static enum err_code write_out(int fd, const char *name, struct span bytes, struct err *err)
{
    while (bytes.len > 0) {
        ssize_t written = write(fd, bytes.ptr, bytes.len);

        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return fail(name, "cannot be written", err);
        }
        bytes = span_sub(bytes, (size_t)written, bytes.len);
    }
    return ERR_OK;
}

static enum err_code flush(struct export_files *files, struct err *err)
{
    enum err_code rc =
        write_out(files->fd, files->items[files->count - 1].name, buf_span(&files->waiting), err);

    buf_clear(&files->waiting);
    return rc;
}

static enum err_code put(struct export_files *files, struct span bytes, struct err *err)
{
    struct export_file *file = &files->items[files->count - 1];
    enum err_code rc = ERR_OK;

    file->bytes += bytes.len;
    file_hash_add(files->hash, bytes);
    if (files->waiting.len + bytes.len > WRITE_BYTES) {
        rc = flush(files, err);
    }
    if (rc == ERR_OK && bytes.len > WRITE_BYTES) {
        return write_out(files->fd, file->name, bytes, err);
    }
    buf_add_span(&files->waiting, bytes);
    return rc;
}

/* The lock is the first file's, and is held to the end. */
static enum err_code take_lock(struct export_files *files, const char *name, struct err *err)
{
    if (files->lock >= 0) {
        return ERR_OK;
    }
    files->lock = fcntl(files->fd, F_DUPFD_CLOEXEC, 0);
    return files->lock >= 0 && flock(files->lock, LOCK_EX | LOCK_NB) == 0
               ? ERR_OK
               : FAIL(err, ERR_BUSY, "another export is writing %.300s", name);
}

static enum err_code begin(struct export_files *files, struct err *err)
{
    char *name = name_of(files, files->count + 1);
    char *part = part_of(name);
    enum err_code rc = check_free(files, name, err);

    if (rc == ERR_OK) {
        files->fd = open(part, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, OWNER_ONLY);
        rc = files->fd < 0 ? fail(part, "cannot be made", err) : take_lock(files, part, err);
    }
    if (rc == ERR_OK && (fchmod(files->fd, OWNER_ONLY) != 0 || ftruncate(files->fd, 0) != 0)) {
        rc = fail(part, "cannot be made empty", err);
    }
    if (rc == ERR_OK) {
        files->items = mem_grow(files->items, files->count + 1, sizeof(files->items[0]));
        files->items[files->count++] = (struct export_file){.name = name};
        file_hash_begin(files->hash);
        rc = put(files, buf_span(&files->head), err);
        name = NULL;
    } else if (files->fd >= 0) {
        (void)close(files->fd);
        files->fd = -1;
    }
    free(part);
    free(name);
    return rc;
}

static enum err_code end(struct export_files *files, struct err *err)
{
    struct export_file *file = &files->items[files->count - 1];
    enum err_code rc = flush(files, err);

    if (rc == ERR_OK && fsync(files->fd) != 0) {
        rc = fail(file->name, "cannot be written", err);
    }
    if (close(files->fd) != 0 && rc == ERR_OK) {
        rc = fail(file->name, "cannot be written", err);
    }
    files->fd = -1;
    file_hash_end(files->hash, file->sha256);
    return rc;
}

static bool is_full(const struct export_files *files, size_t more)
{
    const struct export_file *file = &files->items[files->count - 1];

    return (files->rows_max > 0 && file->rows == files->rows_max) ||
           file->bytes + more > files->bytes_max;
}

enum err_code export_files_add(struct export_files *files, struct span row, struct err *err)
{
    enum err_code rc = ERR_OK;

    if (files->head.len + row.len > files->bytes_max) {
        return FAIL(err, ERR_LIMIT, "a row of %zu bytes is more than a file may hold", row.len);
    }
    if (files->fd >= 0 && is_full(files, row.len)) {
        rc = end(files, err);
    }
    if (rc == ERR_OK && files->fd < 0) {
        rc = begin(files, err);
    }
    if (rc == ERR_OK) {
        rc = put(files, row, err);
    }
    if (rc == ERR_OK) {
        files->items[files->count - 1].rows++;
    }
    return rc;
}

enum err_code export_files_finish(struct export_files *files, struct err *err)
{
    enum err_code rc = files->fd < 0 ? ERR_OK : end(files, err);

    files->is_whole = rc == ERR_OK;
    return rc;
}

/* publishing */

/* Where a file system cannot rename without replacing, the name was free a moment ago. */
static bool move(const struct export_files *files, const char *from, const char *to)
{
    if (files->is_forced) {
        return rename(from, to) == 0;
    }
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
        return true;
    }
    return errno == EINVAL && access(to, F_OK) != 0 && rename(from, to) == 0;
}

static enum err_code give_name(const struct export_files *files, const char *name, struct err *err)
{
    char *part = part_of(name);
    enum err_code rc = ERR_OK;

    if (!move(files, part, name)) {
        rc = FAIL(err, ERR_IO,
                  "%.200s cannot be renamed to %.200s: %s. The export is whole and on the ledger: "
                  "rename its .part files yourself",
                  part, name, strerror(errno));
    }
    free(part);
    return rc;
}

/* Those of an earlier export with the same prefix, which --force replaces. */
static void remove_rest(const struct export_files *files)
{
    bool is_there = files->is_forced;

    for (size_t number = files->count + 1; is_there; number++) {
        char *name = name_of(files, number);

        is_there = unlink(name) == 0;
        free(name);
    }
}

static enum err_code write_manifest(const struct export_files *files, struct span text,
                                    struct err *err)
{
    char *part = part_of(files->manifest);
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, OWNER_ONLY);
    enum err_code rc = fd < 0 ? fail(part, "cannot be made", err) : write_out(fd, part, text, err);
    bool is_kept;

    is_kept = fd < 0 || fsync(fd) == 0;
    is_kept = (fd < 0 || close(fd) == 0) && is_kept;
    if (!is_kept && rc == ERR_OK) {
        rc = fail(part, "cannot be written", err);
    }
    free(part);
    return rc == ERR_OK ? give_name(files, files->manifest, err) : rc;
}

enum err_code export_files_publish(struct export_files *files, struct span manifest,
                                   struct err *err)
{
    enum err_code rc = ERR_OK;

    PRE(files->is_whole);
    if (files->is_forced) {
        (void)unlink(files->manifest); /* it must not stand beside files it does not describe */
    }
    for (size_t i = 0; i < files->count && rc == ERR_OK; i++) {
        rc = give_name(files, files->items[i].name, err);
    }
    if (rc == ERR_OK) {
        remove_rest(files);
        rc = write_manifest(files, manifest, err);
    }
    return rc;
}

const struct export_file *export_files_list(const struct export_files *files, size_t *count)
{
    *count = files->count;
    return files->items;
}

const char *export_files_manifest(const struct export_files *files)
{
    return files->manifest;
}

void export_files_close(struct export_files *files, bool is_kept)
{
    if (files == NULL) {
        return;
    }
    if (files->fd >= 0) {
        (void)close(files->fd);
    }
    for (size_t i = 0; i < files->count; i++) {
        char *part = part_of(files->items[i].name);

        if (!is_kept || !files->is_whole) {
            (void)unlink(part); /* the lock's file among them: nobody else can have begun */
        }
        free(part);
        free(files->items[i].name);
    }
    if (files->lock >= 0) {
        (void)close(files->lock);
    }
    free(files->items);
    file_hash_free(files->hash);
    buf_fini(&files->waiting);
    buf_fini(&files->head);
    free(files->manifest);
    free(files->ending);
    free(files->prefix);
    free(files);
}
