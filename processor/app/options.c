#include "app/options.h"

#include <stdio.h>

void print_diags(const struct diags *diags)
{
    for (size_t i = 0; i < diags->count; i++) {
        const struct diag *diag = &diags->items[i];
        const char *level = diag->level == DIAG_WARNING ? "warning: " : "";

        if (diag->place.line == 0) {
            fprintf(stderr, "%s: %s%s\n", diag->place.file, level, diag->message);
        } else {
            fprintf(stderr, "%s:%u:%u: %s%s\n", diag->place.file, diag->place.line,
                    diag->place.column, level, diag->message);
        }
    }
}
