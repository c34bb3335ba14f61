/**
 * embedded - files of the repository that the binary contains (made from schemas/ by the Makefile).
 *
 * Constants: any thread.
 */
#ifndef BASE_EMBEDDED_H
#define BASE_EMBEDDED_H

extern const char embedded_conversion_event_avsc[]; /* terminated */
extern const char embedded_utm_attribution_avsc[];

#endif /* BASE_EMBEDDED_H */
