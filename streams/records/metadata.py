"""*Metadata* is what members tell those that depend on them. Carried by ``pileus.metadata`` (compacted)."""

import msgspec

from streams.records.record import Record


class Metadata(Record, frozen=True, kw_only=True):
    """One value that a member exports. The newest one counts, while the member that exported it is there."""

    tenant: str
    application: str
    name: str
    """``<alias>-<key>``: the very name under which others import it."""
    value: str
    member: str
    """Who exported it."""
    at: float
    """When (s since the Unix epoch)."""


METADATA = msgspec.json.Decoder(Metadata)


def metadata_key(tenant: str, application: str, name: str) -> str:
    """Return the key of a value on ``pileus.metadata``."""
    return f"{tenant}/{application}/{name}"


def variable(name: str) -> str:
    """Return the environment variable of an imported value: ``IMPORT_DB_URL`` for ``db-URL``."""
    return "IMPORT_" + "".join(c if c.isalnum() else "_" for c in name).upper()
