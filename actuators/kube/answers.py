"""What a Kubernetes API server answers when it refuses, and what the caller should do about it. Pure."""

import json
import re
from collections.abc import Mapping

from actuators.ports import (
    CloudError,
    CredentialsError,
    InvalidRequestError,
    QuotaExceededError,
    TransientCloudError,
)

UNAUTHORIZED, FORBIDDEN, NOT_FOUND, CONFLICT, GONE = 401, 403, 404, 409, 410
TOO_MANY = 429
UNAVAILABLE = 503
LONGEST = 400
"""So many characters of what the server said are told."""
MOST_WAIT_S = 300.0
"""Longest ``Retry-After`` that is believed (s)."""
_LATER = {408, CONFLICT, GONE, 425, TOO_MANY}
_SERVER_ERRORS = 500
_DENIED = re.compile(r"User \".*\" cannot ")
_NAMED = re.compile(r"\S+ \".*\" is forbidden: |admission webhook \".*\" denied the request")
"""Of admission, not of authorisation: of a plugin, or of somebody's webhook."""
_SOON = ("because it is being terminated", "status unknown for quota", 'serviceaccount "default" not found')
"""What a namespace that has just been made, or is about to go, refuses for now."""


class Refused(Exception):  # noqa: N818 - an answer, which the caller understands or turns into an error
    """The server answered with a Status that is no success."""

    def __init__(self, status: int, *, reason: str = "", message: str = "", retry_after_s: float = 0.0) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        """The server's own word: ``AlreadyExists``, ``Conflict``, ``Expired`` ..."""
        self.message = message
        self.retry_after_s = retry_after_s
        """How long it wants to be left alone (s)."""

    @property
    def exists(self) -> bool:
        """Say whether there is an object of that name already."""
        return self.status == CONFLICT and self.reason == "AlreadyExists"

    def error(self, what: str) -> CloudError:
        """Return the error of the port; ``what`` was asked."""
        said = " ".join((self.message or self.reason or "no reason given").split())[:LONGEST]
        return _kind(self)(f"kubernetes: {what}: {self.status} {said}")


def refused(status: int, body: bytes, headers: Mapping[str, str]) -> Refused:
    """Read an answer that is no success; a body that is no Status (a proxy's page) is told as it is."""
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        said = {"message": body.decode(errors="replace")}
    details = said.get("details") or {}
    wait = headers.get("Retry-After") or details.get("retryAfterSeconds") or 0
    return Refused(
        status, reason=said.get("reason") or "", message=said.get("message") or "", retry_after_s=_seconds(str(wait))
    )


def _kind(answer: Refused) -> type[CloudError]:
    """Return what the caller should do."""
    if answer.status == UNAUTHORIZED:
        return CredentialsError
    if answer.status == FORBIDDEN:
        return _forbidden(answer.message)
    if answer.status in _LATER or answer.status >= _SERVER_ERRORS:
        return TransientCloudError
    return InvalidRequestError


def _forbidden(message: str) -> type[CloudError]:
    """Return what a 403 means: it comes from quotas, from admission and from authorisation."""
    if "exceeded quota" in message:
        return QuotaExceededError
    if any(words in message for words in _SOON):
        return TransientCloudError
    return InvalidRequestError if _NAMED.match(message) and not _DENIED.search(message) else CredentialsError


def _seconds(text: str) -> float:
    """Read ``Retry-After``; a date, or nonsense, is 1 s."""
    return min(MOST_WAIT_S, float(text)) if text.isascii() and text.isdecimal() else 1.0
