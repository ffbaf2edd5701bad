"""Plain-Python twin of fastmf/kernels/lines.pyx."""

import re

CANONICAL = re.compile(rb"0|-?[1-9][0-9]{0,17}")
WHOLE = re.compile(rb"-?[0-9]{1,18}")
DECIMAL = re.compile(rb"-?(?=\.?[0-9])[0-9]*\.?[0-9]*")


def count_lines(text):
    return bytes(text).count(b"\n")


def read_lines(text, separator, roles, users, items, values, times):
    if len(text) == 0:
        return 0
    if len(roles) == 0 or separator == ord("\n") or text[-1] != ord("\n"):
        return -1
    lines = 0
    for line in bytes(text)[:-1].split(b"\n"):
        if not line:
            continue
        fields = line.removesuffix(b"\r").split(bytes([separator]))
        if len(fields) != len(roles) or lines == len(users):
            return -1
        for role, field in zip(roles, fields, strict=True):
            if role in (1, 2):
                if not CANONICAL.fullmatch(field):
                    return -1
                (users if role == 1 else items)[lines] = int(field)
            elif role == 3:
                digits = field.replace(b".", b"").removeprefix(b"-")
                if not DECIMAL.fullmatch(field) or len(digits) > 18 or int(digits) > 2**53:
                    return -1
                values[lines] = float(field)
            elif role == 4:
                if not WHOLE.fullmatch(field):
                    return -1
                times[lines] = int(field)
            elif any(byte in b'"\r' or byte >= 128 for byte in field):
                return -1
        lines += 1
    return lines
