/**
 * export_report - what an export says of itself: the manifest beside the files, which is also what
 * --json prints, and the text for people.
 *
 * No state, no errors. Main thread.
 */
#ifndef EXPORT_EXPORT_REPORT_H
#define EXPORT_EXPORT_REPORT_H

#include "export/export_run.h"

/** The caller owns it. */
json_t *export_manifest(struct export *export);
void export_print(struct export *export, FILE *out);

#endif /* EXPORT_EXPORT_REPORT_H */
