#include "observe/metrics_text.h"

#include "base/number.h"

struct sample sample_begin(struct buf *out, const char *name, const char *suffix)
{
    buf_add_text(out, name);
    buf_add_text(out, suffix);
    return (struct sample){out, false};
}

void sample_label(struct sample *sample, const char *name, struct span value)
{
    struct buf *out = sample->out;

    buf_add_text(out, sample->has_label ? "," : "{");
    sample->has_label = true;
    buf_add_text(out, name);
    buf_add_text(out, "=\"");
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];

        if (c == '\n') {
            buf_add_text(out, "\\n");
            continue;
        }
        if (c == '"' || c == '\\') {
            buf_add_char(out, '\\');
        }
        buf_add_char(out, c);
    }
    buf_add_char(out, '"');
}

static void begin_number(struct sample *sample)
{
    buf_add_text(sample->out, sample->has_label ? "} " : " ");
}

void sample_end_u64(struct sample *sample, uint64_t number)
{
    begin_number(sample);
    buf_add_u64(sample->out, number);
    buf_add_char(sample->out, '\n');
}

void sample_end_double(struct sample *sample, double number)
{
    begin_number(sample);
    buf_add_double(sample->out, number);
    buf_add_char(sample->out, '\n');
}
