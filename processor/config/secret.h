/**
 * secret - a value that no log, page or error can show.
 *
 * {env: NAME} is read once; {file: PATH} is read again when the file changes
 * (mtime, size or inode; checked at most once a second by secret_refresh()).
 * A byte order mark before it and newlines behind it are taken off; CR, LF, NUL and > 4 KiB refused
 * (header injection).
 * Thread-safe: readers copy the value out under a lock; workers keep the copy and
 * compare generations, so the hot path costs one atomic load.
 */
#ifndef CONFIG_SECRET_H
#define CONFIG_SECRET_H

#include "base/buf.h"
#include "base/err.h"

struct secret;

enum { SECRET_BYTES_MAX = 4096 };

NODISCARD enum err_code secret_from_env(const char *name, struct secret **out, struct err *err);
NODISCARD enum err_code secret_from_file(const char *path, struct secret **out, struct err *err);
/** Is there anything at all? False when the variable is unset or empty, the file not there, not
 * readable or empty. */
bool secret_exists_in_env(const char *name);
bool secret_exists_in_file(const char *path);
struct secret *
secret_from_text(struct span text); /* written in the YAML itself; the checker warns */
void secret_free(struct secret *secret);
/** From now on it is a token that stands in a header by itself: quotation marks around it, `Bearer
 * ` before it, blanks or JSON are refused, here and when the file changes. Says what is wrong,
 * never the value. */
NODISCARD enum err_code secret_require_token(struct secret *secret, struct err *err);
/** Are there quotation marks around the value? They would be sent with it. */
bool secret_is_quoted(struct secret *secret);
/** Where it comes from, for people: "env ACCESS_TOKEN" or "file /run/secrets/tiktok". Never the
 * value. */
const char *secret_source(const struct secret *secret);
/** Grows by one each time the value changed; starts at 1. */
uint64_t secret_generation(const struct secret *secret);
/** Copy the value onto @out (wipe it after use with mem_wipe). */
void secret_read(struct secret *secret, struct buf *out);
/** Look at the file if a second has passed; an unreadable file keeps the old value and fails. */
enum err_code secret_refresh(struct secret *secret, uint64_t now_ms, struct err *err);

#endif /* CONFIG_SECRET_H */
