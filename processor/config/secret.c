#include "config/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/absent.h"
#include "base/mem.h"

enum { LOOK_EVERY_MS = 1000 };

/* What tells one version of a file from the next, without reading it. */
struct version {
    dev_t device;
    ino_t inode;
    off_t bytes;
    struct timespec changed;
};

struct secret {
    char *source; /* owned, for people */
    char *path;   /* owned; NULL: not a file, never changes */
    _Atomic uint64_t generation;

    pthread_mutex_t lock; /* over everything below */
    char *value;          /* owned, wiped before it is freed */
    size_t len;
    struct version version;
    uint64_t looked_ms;
    bool is_token; /* see secret_require_token() */
};

/* Without the line end that editors and `echo` leave. */
static struct span trim_newlines(struct span text)
{
    while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r')) {
        text.len--;
    }
    return text;
}

/* Without the mark that editors on Windows put before UTF-8. */
static struct span trim_mark(struct span text)
{
    return span_starts(text, SPAN("\xef\xbb\xbf")) ? span_sub(text, 3, text.len) : text;
}

static bool is_utf16(struct span text)
{
    return span_starts(text, SPAN("\xff\xfe")) || span_starts(text, SPAN("\xfe\xff"));
}

static bool is_quoted(struct span text)
{
    char first = text.len >= 2 ? text.ptr[0] : 0;

    return (first == '"' || first == '\'' || first == '`') && text.ptr[text.len - 1] == first;
}

/* TIKTOK_TOKEN=5f2a, as files of variables have it. Padding at a token's end is no assignment. */
static bool is_assignment(struct span value)
{
    size_t equals = span_find(value, '=', 0);

    if (equals == 0 || equals + 1 >= value.len || value.ptr[equals + 1] == '=') {
        return false;
    }
    for (size_t i = 0; i < equals; i++) {
        char c = value.ptr[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')) {
            return false;
        }
    }
    return true;
}

/* What a token has that is none, in words; NULL when it looks like one. */
static const char *token_fault(struct span value)
{
    const struct span scheme = SPAN("bearer");

    if (value.ptr[0] == '"' || value.ptr[0] == '\'' || value.ptr[value.len - 1] == '"' ||
        value.ptr[value.len - 1] == '\'') {
        return "stands in quotation marks: write the token alone";
    }
    if (value.len > scheme.len && span_eq_nocase(span_sub(value, 0, scheme.len), scheme) &&
        (value.ptr[scheme.len] == ' ' || value.ptr[scheme.len] == ':')) {
        return "begins with 'Bearer': write the token alone";
    }
    if (text_is_absent(value, TEXT_CODE) || value.ptr[0] == '<') {
        return "is a placeholder that nobody has filled in";
    }
    if (is_assignment(value)) {
        return "looks like NAME=value: write the token alone";
    }
    if (value.ptr[0] == '{' || value.ptr[0] == '[') {
        return "looks like JSON: write the token alone";
    }
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];

        if (c <= ' ' || c >= 0x7f) {
            return c == ' ' || c == '\t' ? "holds blanks: write the token alone"
                                         : "holds characters that no token has";
        }
    }
    return NULL;
}

static enum err_code check_token(struct span value, const char *source, struct err *err)
{
    const char *fault = token_fault(value);

    return fault == NULL ? ERR_OK : FAIL(err, ERR_CONFIG, "the token in %s %s", source, fault);
}

/* A header is made of it: a line end inside would be a second header. */
static enum err_code check_value(struct span value, const char *source, struct err *err)
{
    if (value.len == 0) {
        return FAIL(err, ERR_CONFIG, "the secret in %s is empty", source);
    }
    if (value.len > SECRET_BYTES_MAX) {
        return FAIL(err, ERR_LIMIT, "the secret in %s is longer than %d bytes", source,
                    SECRET_BYTES_MAX);
    }
    if (is_utf16(value)) {
        return FAIL(err, ERR_CONFIG, "the secret in %s is UTF-16: save it as UTF-8", source);
    }
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '\r' || value.ptr[i] == '\n' || value.ptr[i] == '\0') {
            return FAIL(err, ERR_CONFIG,
                        "the secret in %s holds a line end or a NUL: it must be one line", source);
        }
    }
    return ERR_OK;
}

static void drop_value(char *value, size_t len)
{
    if (value != NULL) {
        mem_wipe(value, len);
        free(value);
    }
}

/* Takes @source and @path. */
static struct secret *make(char *source, char *path, struct span value)
{
    struct secret *secret = mem_new(struct secret);
    bool is_ready;

    secret->source = source;
    secret->path = path;
    atomic_init(&secret->generation, 1);
    is_ready = pthread_mutex_init(&secret->lock, NULL) == 0;
    INVARIANT(is_ready);
    secret->value = mem_text(value);
    secret->len = value.len;
    return secret;
}

enum err_code secret_from_env(const char *name, struct secret **out, struct err *err)
{
    const char *text = getenv(name);
    struct span value = trim_mark(trim_newlines(span_of(text)));
    char *source;
    enum err_code rc;

    if (text == NULL) {
        return FAIL(err, ERR_CONFIG, "environment variable %s is not set", name);
    }
    source = mem_format("env %s", name);
    rc = check_value(value, source, err);
    if (rc != ERR_OK) {
        free(source);
        return rc;
    }
    *out = make(source, NULL, value);
    return ERR_OK;
}

struct secret *secret_from_text(struct span text)
{
    return make(mem_text(SPAN("the configuration file")), NULL, text);
}

static enum err_code fail_to_read(const char *path, struct err *err)
{
    return FAIL(err, ERR_IO, "secret file %s cannot be read: %s", path, strerror(errno));
}

/* Onto @out, at most one byte more than a secret may have besides line ends. */
static bool read_all(int fd, struct buf *out)
{
    ssize_t got = 1;

    while (got != 0 && out->len < out->max) {
        char *to = buf_reserve(out, out->max - out->len);

        got = read(fd, to, out->max - out->len);
        if (got < 0 && errno != EINTR) {
            return false;
        }
        out->len += got > 0 ? (size_t)got : 0;
    }
    return true;
}

static struct version version_of(const struct stat *status)
{
    return (struct version){status->st_dev, status->st_ino, status->st_size, status->st_mtim};
}

static bool is_same(const struct version *a, const struct version *b)
{
    return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static void take_off_marks(struct buf *out)
{
    struct span value = trim_mark(trim_newlines(buf_span(out)));

    if (value.len > 0) {
        memmove(out->ptr, value.ptr, value.len);
    }
    out->len = value.len;
}

/* The checked value of the file onto @out, and which version of the file that was. */
static enum err_code read_file(const char *path, struct buf *out, struct version *version,
                               struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;
    char *source = NULL;
    enum err_code rc;

    if (fd < 0) {
        return fail_to_read(path, err);
    }
    if (fstat(fd, &status) != 0) {
        rc = fail_to_read(path, err);
        goto out;
    }
    if (!S_ISREG(status.st_mode)) {
        rc = FAIL(err, ERR_IO, "secret file %s is not a regular file", path);
        goto out;
    }
    if (!read_all(fd, out)) {
        rc = fail_to_read(path, err);
        goto out;
    }
    *version = version_of(&status);
    if (out->len == out->max) { /* there may be more behind it */
        rc = FAIL(err, ERR_LIMIT, "secret file %s is longer than %d bytes", path, SECRET_BYTES_MAX);
        goto out;
    }
    take_off_marks(out);
    source = mem_format("file %s", path);
    rc = check_value(buf_span(out), source, err);

out:
    free(source);
    close(fd);
    return rc;
}

static void wipe_buf(struct buf *buf)
{
    if (buf->ptr != NULL) {
        mem_wipe(buf->ptr, buf->cap);
    }
    buf_fini(buf);
}

/* Room for the value, a line end or two, and one byte that shows it is too long; reserved at
 * once, so that growing never leaves a copy behind. */
static void begin_buf(struct buf *buf)
{
    buf_init(buf, SECRET_BYTES_MAX + 8);
    (void)buf_reserve(buf, SECRET_BYTES_MAX + 8);
}

enum err_code secret_from_file(const char *path, struct secret **out, struct err *err)
{
    struct version version = {0};
    struct buf text;
    enum err_code rc;

    begin_buf(&text);
    rc = read_file(path, &text, &version, err);
    if (rc == ERR_OK) {
        *out = make(mem_format("file %s", path), mem_text(span_of(path)), buf_span(&text));
        (*out)->version = version;
    }
    wipe_buf(&text);
    return rc;
}

void secret_free(struct secret *secret)
{
    if (secret == NULL) {
        return;
    }
    drop_value(secret->value, secret->len);
    pthread_mutex_destroy(&secret->lock);
    free(secret->path);
    free(secret->source);
    free(secret);
}

const char *secret_source(const struct secret *secret)
{
    return secret->source;
}

uint64_t secret_generation(const struct secret *secret)
{
    return atomic_load_explicit(&secret->generation, memory_order_acquire);
}

enum err_code secret_require_token(struct secret *secret, struct err *err)
{
    enum err_code rc;

    pthread_mutex_lock(&secret->lock);
    secret->is_token = true;
    rc = check_token((struct span){secret->value, secret->len}, secret->source, err);
    pthread_mutex_unlock(&secret->lock);
    return rc;
}

bool secret_is_quoted(struct secret *secret)
{
    bool is;

    pthread_mutex_lock(&secret->lock);
    is = is_quoted((struct span){secret->value, secret->len});
    pthread_mutex_unlock(&secret->lock);
    return is;
}

bool secret_exists_in_env(const char *name)
{
    const char *text = getenv(name);

    return text != NULL && text[0] != '\0';
}

bool secret_exists_in_file(const char *path)
{
    struct stat status;

    return access(path, R_OK) == 0 && stat(path, &status) == 0 && status.st_size > 0;
}

void secret_read(struct secret *secret, struct buf *out)
{
    pthread_mutex_lock(&secret->lock);
    buf_add(out, secret->value, secret->len);
    pthread_mutex_unlock(&secret->lock);
}

/* Under the lock. */
static enum err_code look(struct secret *secret, struct err *err)
{
    struct version version = {0};
    struct stat status;
    struct span fresh;
    struct buf text;
    enum err_code rc;

    if (stat(secret->path, &status) != 0) {
        return fail_to_read(secret->path, err);
    }
    version = version_of(&status);
    if (is_same(&version, &secret->version)) {
        return ERR_OK;
    }
    begin_buf(&text);
    rc = read_file(secret->path, &text, &version, err);
    fresh = buf_span(&text);
    if (rc == ERR_OK && secret->is_token) {
        rc = check_token(fresh, secret->source, err);
    }
    if (rc == ERR_OK) {
        secret->version = version;
        if (!span_eq(fresh, (struct span){secret->value, secret->len})) {
            drop_value(secret->value, secret->len);
            secret->value = mem_text(fresh);
            secret->len = fresh.len;
            atomic_fetch_add_explicit(&secret->generation, 1, memory_order_release);
        }
    }
    wipe_buf(&text);
    return rc;
}

enum err_code secret_refresh(struct secret *secret, uint64_t now_ms, struct err *err)
{
    enum err_code rc = ERR_OK;

    if (secret->path == NULL) {
        return ERR_OK;
    }
    pthread_mutex_lock(&secret->lock);
    if (now_ms - secret->looked_ms >= LOOK_EVERY_MS) {
        secret->looked_ms = now_ms;
        rc = look(secret, err);
    }
    pthread_mutex_unlock(&secret->lock);
    return rc;
}
