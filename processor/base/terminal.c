#include "base/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool terminal_is_live(FILE *stream)
{
    const char *name = getenv("TERM");

    return isatty(fileno(stream)) == 1 && name != NULL && strcmp(name, "dumb") != 0;
}

bool terminal_is_coloured(FILE *stream)
{
    const char *no_color = getenv("NO_COLOR");

    return terminal_is_live(stream) && (no_color == NULL || no_color[0] == '\0');
}
