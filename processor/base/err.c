#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum err_code err_set(struct err *err, enum err_code code, const char *format, ...)
{
    if (err != NULL) {
        va_list args;

        err->code = code;
        err->retryable = code == ERR_NET || code == ERR_BUSY;
        va_start(args, format);
        (void)vsnprintf(err->text, sizeof(err->text), format, args);
        va_end(args);
    }
    return code;
}

void err_wrap(struct err *err, const char *format, ...)
{
    char inner[ERR_TEXT_BYTES];
    va_list args;
    int used;

    if (err == NULL) {
        return;
    }
    memcpy(inner, err->text, sizeof(inner));
    va_start(args, format);
    used = vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof(err->text)) {
        (void)snprintf(err->text + used, sizeof(err->text) - (size_t)used, ": %s", inner);
    }
}

void err_clear(struct err *err)
{
    if (err != NULL) {
        err->code = ERR_OK;
        err->retryable = false;
        err->text[0] = '\0';
    }
}
