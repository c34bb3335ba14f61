/**
 * rehearse - `detour rehearse -c FILE TRACE.yaml`: a failure trace against the user's own
 * table, on a virtual clock, with the code that runs.
 */
#ifndef REHEARSE_REHEARSE_H
#define REHEARSE_REHEARSE_H

int rehearse_command(int argc, char **argv);

#endif /* REHEARSE_REHEARSE_H */
