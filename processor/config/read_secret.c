/* {env: NAME}, {file: PATH} or, with a warning, the text itself. No message here shows a value. */
#include "config/loader.h"

#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

static void check_mode(struct loader *loader, const struct yaml_node *node, const char *path)
{
    struct stat status;

    if (stat(path, &status) == 0 && (status.st_mode & (S_IROTH | S_IWOTH)) != 0) {
        diag_warning(loader->diags, node->place,
                     "secret file %s can be %s by everybody on this machine: chmod 0400 it", path,
                     (status.st_mode & S_IWOTH) != 0 ? "written" : "read");
    }
}

/* Passwords may hold what they like; quotation marks around one were mostly meant for a shell. */
static void warn_of_quotes(struct loader *loader, const struct yaml_node *node, const char *what,
                           struct secret *secret)
{
    bool is_token = strcmp(what, "access_token") == 0 || strcmp(what, "bearer") == 0;

    if (!is_token && secret_is_quoted(secret)) {
        diag_warning(loader->diags, node->place,
                     "%s: the quotation marks around the secret in %s are part of it", what,
                     secret_source(secret));
    }
}

const struct span secret_stand_in = {"not-here", 8};

/* Not there, and allowed not to be? */
static bool is_spared(const struct loader *loader, bool is_there)
{
    return loader->is_without_secrets && !is_there;
}

static struct secret *read_reference(struct loader *loader, const struct yaml_node *node,
                                     const char *what)
{
    static const char *const keys[] = {"env", "file"};
    const struct yaml_pair *pair = node->count == 1 ? &node->pairs[0] : NULL;
    struct secret *secret = NULL;
    struct err err;
    struct span name;

    if (pair == NULL) {
        diag_error(loader->diags, node->place, "%s wants either {env: NAME} or {file: PATH}", what);
        return NULL;
    }
    if (!span_is(pair->key, "env") && !span_is(pair->key, "file")) {
        diag_error(loader->diags, pair->place,
                   "unknown key %s: %s wants {env: NAME} or "
                   "{file: PATH}%s",
                   LOG_S(pair->key), what,
                   did_you_mean(suggest(pair->key, keys, COUNT_OF(keys))).text);
        return NULL;
    }
    if (!read_text(loader, pair->value, what,
                   span_is(pair->key, "env") ? "a variable's name" : "a file's path", &name)) {
        return NULL;
    }
    if (span_is(pair->key, "file")) {
        struct span path = loader_path(loader, name);

        if (is_spared(loader, secret_exists_in_file(path.ptr))) {
            return secret_from_text(secret_stand_in);
        }
        if (secret_from_file(path.ptr, &secret, &err) == ERR_OK) {
            check_mode(loader, pair->value, path.ptr);
            warn_of_quotes(loader, pair->value, what, secret);
            return secret;
        }
    } else if (is_spared(loader, secret_exists_in_env(name.ptr))) {
        return secret_from_text(secret_stand_in);
    } else if (secret_from_env(name.ptr, &secret, &err) == ERR_OK) {
        warn_of_quotes(loader, pair->value, what, secret);
        return secret;
    }
    diag_error(loader->diags, pair->value->place, "%s: %s", what, err.text);
    return NULL;
}

struct secret *read_secret(struct loader *loader, const struct yaml_node *node, const char *what)
{
    struct span text;

    if (node->kind == YAML_MAP) {
        return read_reference(loader, node, what);
    }
    if (!read_text(loader, node, what, "{env: NAME} or {file: PATH}", &text)) {
        return NULL;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\r' || text.ptr[i] == '\n') {
            diag_error(loader->diags, node->place, "%s holds a line end: it must be one line",
                       what);
            return NULL;
        }
    }
    if (text.len > SECRET_BYTES_MAX) {
        diag_error(loader->diags, node->place, "%s is longer than %d bytes", what,
                   SECRET_BYTES_MAX);
        return NULL;
    }
    if (!node->is_replaced) {
        diag_warning(loader->diags, node->place,
                     "%s stands in the file as plain text: write {env: NAME} or {file: PATH}",
                     what);
    }
    return secret_from_text(text);
}
