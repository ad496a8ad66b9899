"""What a member may be called."""

import re

from actuators.ports import InvalidRequestError

MEMBER = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""``<cluster>-<ordinal>``: a DNS label, so that every cloud accepts it and no path hides in it."""


def is_member(name: str) -> bool:
    """Tell whether ``name`` can be a member's."""
    return MEMBER.fullmatch(name) is not None


def check_member(name: str) -> None:
    """Refuse a name that cannot be a member's.

    Raises
    ------
    InvalidRequestError
        It is not a DNS label of at most 63 characters.
    """
    if not is_member(name):
        raise InvalidRequestError(f"member = {name[:80]!r}: must match {MEMBER.pattern} (at most 63 characters)")
