"""What every record on a topic has in common."""

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=str.lower, gc=False):
    """Base of all records: immutable, named by its ``kind``, versioned, tolerant of fields it does not know.

    A reader accepts fields that a newer writer added. A change that an old reader would
    misread gets a new ``kind``, never a new meaning for an old name.
    """

    v: int = 1
    """Version of this record's layout."""


def encode(record: Record) -> bytes:
    """Write a record as JSON. NaN must have been refused before: JSON has no such number."""
    return msgspec.json.encode(record)
