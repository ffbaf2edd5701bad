"""Ratings from plain lines of text: integer ids, a decimal value and an integer time, without quotes or surprises.

Whatever is not plain (a quote, an exponent, a sign in front of nothing, too many digits, a missing field, a byte
outside ASCII) ends the reading with -1, and the caller reads the text in a slower and more general way.
A value of at most 2^53 over a power of ten of at most 10^22 is one correctly rounded division (Clinger 1990, "How to
read floating point numbers accurately"), so it equals what strtod gives.
"""

from libc.stdint cimport int64_t, uint8_t

cdef enum:
    USER = 1
    ITEM = 2
    VALUE = 3
    TIME = 4

cdef int64_t MOST_EXACT = 9007199254740992  # 2^53: integers up to here are doubles
cdef double[23] POWERS
for k in range(23):
    POWERS[k] = 10.0**k


cdef inline int64_t whole(const uint8_t* text, int64_t at, bint canonical, int64_t* out) noexcept nogil:
    """Read an integer of at most 18 digits; where it ends, or -1."""
    cdef bint negative = text[at] == c"-"
    cdef int64_t number = 0, start
    at += negative
    start = at
    while c"0" <= text[at] <= c"9":
        if at - start == 18:
            return -1
        number = number * 10 + (text[at] - c"0")
        at += 1
    if at == start:
        return -1
    if canonical and text[start] == c"0" and (at - start > 1 or negative):
        return -1
    out[0] = -number if negative else number
    return at


cdef inline int64_t decimal(const uint8_t* text, int64_t at, double* out) noexcept nogil:
    """Read digits with at most one point among them; where they end, or -1."""
    cdef bint negative = text[at] == c"-"
    cdef int64_t number = 0, digits = 0, point = -1
    at += negative
    while True:
        if c"0" <= text[at] <= c"9":
            if digits == 18:
                return -1
            number = number * 10 + (text[at] - c"0")
            digits += 1
        elif text[at] == c"." and point < 0:
            point = digits
        else:
            break
        at += 1
    if digits == 0 or number > MOST_EXACT:
        return -1
    out[0] = <double>number
    if point >= 0:
        out[0] /= POWERS[digits - point]
    if negative:
        out[0] = -out[0]
    return at


cdef inline int64_t line(
    const uint8_t* text, int64_t at, uint8_t separator, const uint8_t* roles, int64_t width,
    int64_t* user, int64_t* item, double* value, int64_t* time,
) noexcept nogil:
    """Read one line, which ends in a line feed; where the next one begins, or -1."""
    cdef int64_t column
    for column in range(width):
        if roles[column] == USER:
            at = whole(text, at, True, user)
        elif roles[column] == ITEM:
            at = whole(text, at, True, item)
        elif roles[column] == VALUE:
            at = decimal(text, at, value)
        elif roles[column] == TIME:
            at = whole(text, at, False, time)
        else:
            while text[at] != separator and text[at] != c"\n" and text[at] != c"\r":
                if text[at] == c'"' or text[at] >= 128:
                    return -1
                at += 1
        if at < 0:
            return -1
        if column < width - 1:
            if text[at] != separator:
                return -1
            at += 1
    at += text[at] == c"\r"
    return at + 1 if text[at] == c"\n" else -1


def count_lines(const uint8_t[::1] text):
    """Line feeds."""
    cdef int64_t at, size = text.shape[0], feeds = 0
    with nogil:
        for at in range(size):
            feeds += text[at] == c"\n"
    return feeds


def read_lines(
    const uint8_t[::1] text,   # IN  whole lines; the last byte is a line feed
    uint8_t separator,         # IN  the byte between fields
    const uint8_t[::1] roles,  # IN  columns: 1 user, 2 item, 3 value, 4 time, 0 anything else
    int64_t[::1] users,        # OUT lines
    int64_t[::1] items,        # OUT lines
    double[::1] values,        # OUT lines
    int64_t[::1] times,        # OUT lines
):
    """Number of lines that are not blank, all of them read; or -1 for a line that is not plain."""
    cdef int64_t at = 0, size = text.shape[0], width = roles.shape[0], lines = 0, most = users.shape[0]
    if size == 0:
        return 0
    if width == 0 or separator == c"\n" or text[size - 1] != c"\n":
        return -1
    with nogil:
        while at < size:
            if text[at] == c"\n":
                at += 1
                continue
            if lines == most:
                at = -1
                break
            at = line(
                &text[0], at, separator, &roles[0], width, &users[lines], &items[lines], &values[lines], &times[lines]
            )
            if at < 0:
                break
            lines += 1
    return -1 if at < 0 else lines
