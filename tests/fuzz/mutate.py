"""Real records spoilt in every way that we know of: bytes, numbers, types, names, nesting, columns."""

import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from streams.records.packed import HEAD, MAGIC

NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
VALUE = re.compile(rb'(?<=:)(?:"[^"]*"|-?[\d.eE+]+|true|false|null|\[\]|\{\})')
STRING = re.compile(rb'"[^"]*"')
KEY = re.compile(rb'"[a-z_]+":(?:"[^"]*"|-?[\d.eE+-]+|true|false|null)')
NUMBERS = (
    b"9" * 400,
    b"-" + b"9" * 400,
    b"9" * 5000,
    *b"0 -0 -0.0 1 -1 0.5 1e-400 5e-324 1e400 -1e400 1e308 -1e308 NaN Infinity -Infinity 2147483648 9007199254740993 "
    b"9223372036854775808 18446744073709551616 1e11 -1e11 1e10 100.1 1000000001 01 .5 1. 1e -".split(),
)
VALUES = (b"null", b"true", b"false", b'""', b'"x"', b"[]", b"{}", b"[null]", b'{"a":1}', b'"NaN"', b"[[1.0]]", b"")
TEXTS = (
    b'"\\u0000"',
    b'"\\ud83d"',
    b'"\\udc00\\ud83d"',
    b'"\xed\xa0\x80"',
    b'"\xff\xfe"',
    b'"\xc3\xa9\xe2\x82\xac\xf0\x9f\x92\xa9"',
    b'"' + b"x" * 256 + b'"',
    b'"' + b"y" * 5000 + b'"',
    b'"../../etc"',
    b'"a\\nb"',
    b'"\xe2\x80\xae"',
)
NUMBERS_OF_8 = (np.nan, np.inf, -np.inf, -0.0, -1.0, 1e308, 5e-324, 1e11, 100.5, 1e10)
DEEP = 20_000

T = TypeVar("T")


@dataclass(slots=True)
class Mutator:
    """Chance, and the real records."""

    chance: np.random.Generator
    huge: bool = True
    """Whether one in two thousand is nested 20 000 deep or has a megabyte more."""

    def spoil(self, seeds: Sequence[bytes]) -> bytes | None:
        """Return one of the seeds after one to three mutations, or now and then nothing at all."""
        raw = self._one(seeds)
        for _ in range(1 + int(self.chance.integers(3))):
            raw = self._once(raw, seeds)
        return None if self._rarely(500) else raw

    def _once(self, raw: bytes, seeds: Sequence[bytes]) -> bytes:
        if not raw:
            return raw
        if raw[:1] == MAGIC[:1] and self.chance.random() < 0.6:
            return self._one(BINARY)(self, raw)
        if self.huge and self._rarely(2000):
            return self._deep(raw)
        return self._one(ANY if self.chance.random() < 0.4 else JSON)(self, raw, seeds)

    # --- any bytes ---------------------------------------------------------------------------------------------------

    def flip(self, raw: bytes, _: Sequence[bytes]) -> bytes:
        """Flip some bits."""
        out = bytearray(raw)
        for _bit in range(1 + int(self.chance.integers(4))):
            out[self._at(raw)] ^= 1 << int(self.chance.integers(8))
        return bytes(out)

    def cut(self, raw: bytes, _: Sequence[bytes]) -> bytes:
        """Cut it anywhere."""
        return raw[: self._at(raw)] if self.chance.random() < 0.7 else raw[self._at(raw) :]

    def splice(self, raw: bytes, seeds: Sequence[bytes]) -> bytes:
        """Go on with another record."""
        other = self._one(seeds)
        return raw[: self._at(raw)] + other[self._at(other) :]

    def repeat(self, raw: bytes, _: Sequence[bytes]) -> bytes:
        """Say a part of it again."""
        i, n = self._at(raw), 1 + int(self.chance.integers(30))
        return raw[:i] + raw[i : i + n] * (2 + int(self.chance.integers(3))) + raw[i + n :]

    def noise(self, raw: bytes, _: Sequence[bytes]) -> bytes:
        """Put random bytes in a place."""
        i, n = self._at(raw), int(self.chance.integers(12))
        return raw[:i] + self.chance.bytes(n) + raw[i + n :]

    # --- JSON --------------------------------------------------------------------------------------------------------

    def number(self, raw: bytes, _: Sequence[bytes]) -> bytes:
        """Put a number that nobody expects in the place of one."""
        return self._swap(NUMBER, raw, NUMBERS)

    def value(self, raw: bytes, _: Sequence[bytes]) -> bytes:
        """Put something of another type in the place of a value."""
        return self._swap(VALUE, raw, VALUES)

    def text(self, raw: bytes, _: Sequence[bytes]) -> bytes:
        """Put a text that nobody expects in the place of one."""
        return self._swap(STRING, raw, TEXTS)

    def twice(self, raw: bytes, _: Sequence[bytes]) -> bytes:
        """Name a key twice, the second time with another value."""
        if not (found := KEY.findall(raw)):
            return raw
        other = NUMBER.sub(lambda _: self._one(NUMBERS), self._one(found))
        return raw[:-1] + b"," + other + b"}"

    def drop(self, raw: bytes, _: Sequence[bytes]) -> bytes:
        """Leave a field out."""
        return self._swap(KEY, raw, (b'"more":1',))

    def shift(self, raw: bytes, _: Sequence[bytes]) -> bytes:
        """Move a number by a little or by much."""
        by = self._one((-86400.0, -400.0, -60.0, -5.0, -1.0, 1.0, 5.0, 60.0, 400.0, 86400.0))
        return self._swap(NUMBER, raw, (), change=lambda text: repr(float(text) + by).encode())

    def _deep(self, raw: bytes) -> bytes:
        """Nest something very deep, or put in something very long."""
        kind = int(self.chance.integers(3))
        more = (b"[" * DEEP + b"]" * DEEP, b'{"a":' * DEEP + b"1" + b"}" * DEEP, b'"' + b"z" * 10**6 + b'"')[kind]
        return raw[:-1] + b',"more":' + more + b"}"

    def _swap(
        self,
        pattern: re.Pattern[bytes],
        raw: bytes,
        others: Sequence[bytes],
        *,
        change: Callable[[bytes], bytes] | None = None,
    ) -> bytes:
        """Replace one match."""
        if not (found := list(pattern.finditer(raw))):
            return raw
        here = self._one(found)
        new = change(here.group()) if change else self._one(others)
        return raw[: here.start()] + new + raw[here.end() :]

    # --- binary columns ----------------------------------------------------------------------------------------------

    def head(self, raw: bytes) -> bytes:
        """Say another number in the head: rows, flags or a length."""
        if len(raw) < HEAD.size:
            return raw
        fields = list(HEAD.unpack_from(raw))
        i = 1 + int(self.chance.integers(len(fields) - 1))
        most = (0, 255, 2**32 - 1, 65535, 65535, 65535, 65535, 2**32 - 1)[i]
        near = (fields[i] + int(self.chance.integers(-2, 3))) % (most + 1)
        fields[i] = self._one((0, most, near, near, near, near))
        return HEAD.pack(*fields) + raw[HEAD.size :]

    def column(self, raw: bytes) -> bytes:
        """Put a number that nobody expects at the end, where the columns are."""
        back = 8 * (1 + int(self.chance.integers(max(1, len(raw) // 16)))) + int(self.chance.integers(4))
        at = max(0, len(raw) - back)
        return raw[:at] + struct.pack("<d", self._one(NUMBERS_OF_8)) + raw[at + 8 :]

    def suffix(self, raw: bytes) -> bytes:
        """Change one byte of the names."""
        at = min(HEAD.size + int(self.chance.integers(60)), len(raw) - 1)
        return raw[:at] + bytes([int(self.chance.integers(256))]) + raw[at + 1 :]

    def longer(self, raw: bytes) -> bytes:
        """Add or take a few bytes at the end."""
        return (
            raw + bytes(int(self.chance.integers(1, 9))) if self._rarely(2) else raw[: -int(self.chance.integers(1, 9))]
        )

    # --- chance ------------------------------------------------------------------------------------------------------

    def _one(self, of: Sequence[T]) -> T:
        return of[int(self.chance.integers(len(of)))]

    def _at(self, raw: bytes) -> int:
        return int(self.chance.integers(max(1, len(raw))))

    def _rarely(self, one_in: int) -> bool:
        return int(self.chance.integers(one_in)) == 0


ANY = (Mutator.flip, Mutator.cut, Mutator.splice, Mutator.repeat, Mutator.noise)
JSON = (Mutator.number, Mutator.value, Mutator.text, Mutator.twice, Mutator.drop, Mutator.shift, Mutator.number)
BINARY = (Mutator.head, Mutator.column, Mutator.suffix, Mutator.longer)
