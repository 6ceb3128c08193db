"""Bodies of OTLP whose times and values are put in place.

A body is encoded once. Its times and values are marks of eight bytes, which are replaced by what holds at a time: fixed64,
sfixed64 and double are all eight bytes, little-endian, whatever they say.
"""

import math
import re
import struct

# The four bytes after the slot's number. The highest makes the mark an ordinary number, also as a double.
MARK = b"\xf6\x54\x46\x40"
MARKED = re.compile(b"(....)" + re.escape(MARK), re.DOTALL)
WAVES = 16
# What a counter or a bucket gains with each step; times three at most.
FACTORS = (0, 1, 2, 3, 5, 7, 8, 10, 20, 30, 100)
MULTIPLIERS = sorted({factor * scale for factor in FACTORS for scale in (1, 2, 3)})
TIME, START = 0, 1
WAVE = 2
INTEGER = WAVE + WAVES
DOUBLE = INTEGER + len(MULTIPLIERS)


def mark(slot):
    return struct.pack("<I", slot) + MARK


def as_integer(slot):
    return struct.unpack("<Q", mark(slot))[0]


def as_double(slot):
    return struct.unpack("<d", mark(slot))[0]


def multiple(multiplier):
    """The slot, from INTEGER or DOUBLE on, of so many times what has been counted."""
    return MULTIPLIERS.index(multiplier)


def steps(seconds):
    """What has been counted after so many seconds: never less than before, at a rate that swings."""
    return int(10 * seconds + 2_000 * math.sin(seconds / 600))


def values(time_s, start_s):
    """The eight bytes for each slot."""
    counted = steps(time_s - start_s)
    waves = [50 + (10 + number) * math.sin(time_s / (60 + 45 * number)) for number in range(WAVES)]
    found = [struct.pack("<Q", int(time_s * 1_000) * 1_000_000), struct.pack("<Q", int(start_s) * 1_000_000_000)]
    found += [struct.pack("<d", wave) for wave in waves]
    found += [struct.pack("<Q", counted * multiplier) for multiplier in MULTIPLIERS]
    found += [struct.pack("<d", counted * multiplier * 0.01) for multiplier in MULTIPLIERS]
    return found


class Template:
    """An encoded request whose marks are replaced."""

    def __init__(self, encoded):
        parts = MARKED.split(encoded)
        self.parts = parts
        self.slots = [struct.unpack("<I", slot)[0] for slot in parts[1::2]]

    def body(self, found):
        parts = self.parts.copy()
        parts[1::2] = [found[slot] for slot in self.slots]
        return b"".join(parts)
