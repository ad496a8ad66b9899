"""What every record on a topic has in common."""

from typing import Annotated

import msgspec

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a decoder raises on bytes that are no record: no JSON, no UTF-8, a wrong type, nested too deeply."""

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""A whole number that every reader of JSON takes, and every snapshot."""

Whole = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
"""The same, below zero as well."""


class Record(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=str.lower, gc=False):
    """Base of all records: immutable, named by its ``kind``, versioned, tolerant of fields it does not know.

    A reader accepts fields that a newer writer added. A change that an old reader would
    misread gets a new ``kind``, never a new meaning for an old name.
    """

    v: Count = 1
    """Version of this record's layout."""


def encode(record: Record) -> bytes:
    """Write a record as JSON. NaN must have been refused before: JSON has no such number."""
    return msgspec.json.encode(record)
