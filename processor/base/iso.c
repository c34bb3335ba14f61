#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

const char *clock_iso(int64_t wall_ms, char out[CLOCK_ISO_BYTES])
{
    int64_t ms = wall_ms % 1000;
    time_t seconds;
    struct tm parts;

    if (ms < 0) {
        ms += 1000;
    }
    seconds = (time_t)((wall_ms - ms) / 1000);
    if (gmtime_r(&seconds, &parts) == NULL || parts.tm_year > 8099 || parts.tm_year < -1900) {
        (void)snprintf(out, CLOCK_ISO_BYTES, "invalid");
        return out;
    }
    (void)snprintf(out, CLOCK_ISO_BYTES, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                   (parts.tm_year + 1900) % 10000, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                   parts.tm_min, parts.tm_sec, (int)ms);
    return out;
}

/* Exactly @digits decimal digits at *at, moving it on. */
static bool take_number(const char **at, const char *end, int digits, int *out)
{
    int number = 0;

    for (int i = 0; i < digits; i++) {
        if (*at == end || **at < '0' || **at > '9') {
            return false;
        }
        number = number * 10 + (*(*at)++ - '0');
    }
    *out = number;
    return true;
}

static bool take_char(const char **at, const char *end, char c)
{
    if (*at == end || **at != c) {
        return false;
    }
    (*at)++;
    return true;
}

/* Days since 1970-01-01 of a proleptic Gregorian date. */
static int64_t days_of(int64_t year, int month, int day)
{
    int64_t era;
    int64_t year_of_era;
    int64_t day_of_year;

    year -= month <= 2;
    era = (year >= 0 ? year : year - 399) / 400;
    year_of_era = year - era * 400;
    day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static bool is_date(int year, int month, int day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month >= 1 && month <= 12 && day >= 1 &&
           day <= days[month - 1] + (month == 2 && is_leap ? 1 : 0);
}

static bool take_zone(const char **at, const char *end, int *minutes)
{
    int sign;
    int hour;
    int minute = 0;

    *minutes = 0;
    if (*at == end) {
        return true;
    }
    if (**at == 'Z' || **at == 'z') {
        (*at)++;
        return *at == end;
    }
    if (**at != '+' && **at != '-') {
        return false;
    }
    sign = *(*at)++ == '-' ? -1 : 1;
    if (!take_number(at, end, 2, &hour)) {
        return false;
    }
    if (*at != end) {
        (void)take_char(at, end, ':');
        if (!take_number(at, end, 2, &minute)) {
            return false;
        }
    }
    *minutes = sign * (hour * 60 + minute);
    return *at == end && hour <= 23 && minute <= 59;
}

/* Java's ZonedDateTime writes the region behind the offset, "...Z[Etc/UTC]": where it begins. */
static const char *find_region(const char *text, const char *end)
{
    const char *open =
        text == end || end[-1] != ']' ? NULL : memchr(text, '[', (size_t)(end - text));

    return open == NULL ? end : open;
}

bool clock_parse_iso(const char *text, size_t len, int64_t *wall_ms)
{
    const char *at = text;
    const char *end = find_region(text, text + len);
    bool has_region = end < text + len;
    int year, month, day;
    int hour = 0, minute = 0, second = 0, ms = 0, zone = 0;

    if (!take_number(&at, end, 4, &year) || !take_char(&at, end, '-') ||
        !take_number(&at, end, 2, &month) || !take_char(&at, end, '-') ||
        !take_number(&at, end, 2, &day) || !is_date(year, month, day)) {
        return false;
    }
    if (at != end) {
        if (*at != 'T' && *at != 't' && *at != ' ') {
            return false;
        }
        at++;
        if (!take_number(&at, end, 2, &hour) || !take_char(&at, end, ':') ||
            !take_number(&at, end, 2, &minute)) {
            return false;
        }
        if (take_char(&at, end, ':') && !take_number(&at, end, 2, &second)) {
            return false;
        }
        if (at != end && (*at == '.' || *at == ',')) {
            int scale = 100;

            at++;
            if (at == end || *at < '0' || *at > '9') {
                return false;
            }
            for (; at != end && *at >= '0' && *at <= '9'; at++) {
                ms += (*at - '0') * scale;
                scale /= 10;
            }
        }
        if (hour > 23 || minute > 59 || second > 60 || (has_region && at == end) ||
            !take_zone(&at, end, &zone)) { /* a region alone says no offset */
            return false;
        }
    }
    *wall_ms =
        ((days_of(year, month, day) * 24 + hour) * 60 + minute - zone) * 60000 + second * 1000 + ms;
    return true;
}
