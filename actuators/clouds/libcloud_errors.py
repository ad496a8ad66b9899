"""From what libcloud raises to what the caller should do. Its exceptions come raw, and differ from cloud to cloud."""

import re
from collections.abc import Collection

from libcloud.common.exceptions import BaseHTTPError
from libcloud.common.types import InvalidCredsError, LibcloudError, MalformedResponseError, ProviderError
from libcloud.compute.types import KeyPairDoesNotExistError

from actuators.ports import (
    CloudError,
    CredentialsError,
    InvalidRequestError,
    OutOfCapacityError,
    QuotaExceededError,
    TransientCloudError,
)

LONGEST = 300
"""So many characters of what the cloud said are told."""

_WORDS: tuple[tuple[type[CloudError], tuple[str, ...]], ...] = (
    (TransientCloudError, ("RequestLimitExceeded", "Throttl", "rate limit", "IncorrectInstanceState")),
    (QuotaExceededError, ("InstanceLimitExceeded", "VcpuLimitExceeded", "SpotInstanceCountExceeded", "quota")),
    (QuotaExceededError, ("resource limit", "limit has been exceeded")),
    (
        OutOfCapacityError,
        (r"Insufficient\w*Capacity", "InsufficientFreeAddresses", "No valid host", "AllocationFailed"),
    ),
    (OutOfCapacityError, ("RESOURCE_POOL_EXHAUSTED", "SkuNotAvailable", "insufficient (server )?capacity")),
    (OutOfCapacityError, ("Unable to create a deployment", "Unable to orchestrate")),
    (CredentialsError, ("AuthFailure", "UnauthorizedOperation", "InvalidClientTokenId", "SignatureDoesNotMatch")),
    (CredentialsError, ("OptInRequired", "ExpiredToken", "AccessDenied", "PendingVerification")),
    (TransientCloudError, ("InternalError", "InternalFailure", "Unavailable", "RequestExpired", "already exists")),
)
"""What clouds say, the first that fits: EC2's codes, Nova's, CloudStack's, GCE's and Azure's words."""
_SAID = tuple((kind, re.compile("|".join(words), re.IGNORECASE)) for kind, words in _WORDS)
_GONE = re.compile(r"InvalidInstanceID|NotFound|not found|does not exist", re.IGNORECASE)
_CAPACITY_CODES = {533, 535}
"""CloudStack: no resource, or no capacity."""
_LATER_CODES = {408, 409, 425, 429}
SERVER_ERROR = 500


def is_gone(error: Exception) -> bool:
    """Say whether the cloud answered that there is no such instance."""
    code = _code(error)
    return code in {404, 410} or (code is not None and code < SERVER_ERROR and bool(_GONE.search(_text(error))))


def translated(error: Exception, what: str, *, secrets: Collection[str] = ()) -> CloudError:
    """Return the error of the port for one of libcloud's, of requests' or of the driver's own.

    Parameters
    ----------
    what
        What was asked, for the message.
    secrets
        Texts that the message must not hold.
    """
    said = _text(error)
    for secret in secrets:
        said = said.replace(secret, "***") if secret else said
    kind = _kind(error, _text(error))
    return kind(f"{what}: {' '.join(said.split())[:LONGEST] or type(error).__name__}")


def _kind(error: Exception, said: str) -> type[CloudError]:
    """Return what the caller should do. What is not known may pass: later."""
    code = _code(error)
    if isinstance(error, MalformedResponseError) or code in _LATER_CODES:
        return TransientCloudError  # malformed: a gateway's page, not the cloud's answer
    if isinstance(error, KeyPairDoesNotExistError):
        return InvalidRequestError
    if isinstance(error, BaseHTTPError | LibcloudError) or type(error) is Exception:
        for kind, pattern in _SAID:
            if pattern.search(said):
                return kind
    return CredentialsError if isinstance(error, InvalidCredsError) else _by_code(code)


def _by_code(code: int | None) -> type[CloudError]:
    """Return what the caller should do about a status that came without a word."""
    if code in {401, 403}:
        return CredentialsError
    if code in _CAPACITY_CODES:
        return OutOfCapacityError
    refused = code is not None and 400 <= code < SERVER_ERROR  # noqa: PLR2004 - HTTP: the request's fault
    return InvalidRequestError if refused else TransientCloudError


def _code(error: Exception) -> int | None:
    """Return the HTTP status of an answer; ``None`` when there was no answer."""
    code = getattr(error, "code", None) if isinstance(error, BaseHTTPError) else None
    if isinstance(error, ProviderError):
        code = error.http_code
    return int(code) if code is not None else None


def _text(error: Exception) -> str:
    """Return what the cloud said, without libcloud's wrapping."""
    if isinstance(error, MalformedResponseError):
        return f"an answer that cannot be read: {error.value}"
    if isinstance(error, LibcloudError):
        return str(error.value)
    return f"{error}" if isinstance(error, BaseHTTPError) or type(error) is Exception else repr(error)
