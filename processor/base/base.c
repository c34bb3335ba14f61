#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>

void contract_broken(const char *kind, const char *text, const char *file, int line)
{
    fprintf(stderr, "detour: broken %s at %s:%d: %s\n", kind, file, line, text);
    abort();
}
