"""What the stand-in says when it refuses: Status objects, as the API conventions have them."""

from typing import Any


class RefusedError(Exception):
    """A call is answered with a Status that is no success."""

    def __init__(self, code: int, reason: str, message: str, *, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.details = details or {}

    @property
    def status(self) -> dict[str, Any]:
        """Return the body of the answer."""
        said = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": str(self)}
        return said | {"reason": self.reason, "code": self.code} | ({"details": self.details} if self.details else {})


def about(resource: str, group: str, name: str) -> dict[str, str]:
    """Return the details of a refusal that is about one object."""
    return {"name": name} | ({"group": group} if group else {}) | {"kind": resource}


def _long(resource: str, group: str) -> str:
    return f"{resource}.{group}" if group else resource


def bad_request(message: str) -> RefusedError:
    return RefusedError(400, "BadRequest", message)


def unauthorized() -> RefusedError:
    return RefusedError(401, "Unauthorized", "Unauthorized")


def forbidden(resource: str, group: str, name: str, why: str) -> RefusedError:
    named = f' "{name}"' if name else ""
    return RefusedError(
        403,
        "Forbidden",
        f"{_long(resource, group)}{named} is forbidden: {why}",
        details=about(resource, group, name),
    )


def not_found(resource: str, group: str, name: str) -> RefusedError:
    return RefusedError(
        404, "NotFound", f'{_long(resource, group)} "{name}" not found', details=about(resource, group, name)
    )


def not_allowed() -> RefusedError:
    return RefusedError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


def already_exists(resource: str, group: str, name: str) -> RefusedError:
    return RefusedError(
        409, "AlreadyExists", f'{_long(resource, group)} "{name}" already exists', details=about(resource, group, name)
    )


def conflict(resource: str, group: str, name: str, why: str) -> RefusedError:
    said = f'Operation cannot be fulfilled on {_long(resource, group)} "{name}": {why}'
    return RefusedError(409, "Conflict", said, details=about(resource, group, name))


def expired(message: str) -> RefusedError:
    return RefusedError(410, "Expired", message)


def unsupported_media(kind: str, known: tuple[str, ...]) -> RefusedError:
    said = (
        f"the body of the request was in an unknown format ({kind}) - accepted media types include: {', '.join(known)}"
    )
    return RefusedError(415, "UnsupportedMediaType", said)


def invalid(kind: str, group: str, name: str, causes: list[tuple[str, str]]) -> RefusedError:
    """Refuse an object; ``causes`` are fields and what is wrong with each."""
    whole = ", ".join(f"{field}: {why}" for field, why in causes)
    whole = f"[{whole}]" if len(causes) > 1 else whole
    told = [{"reason": "FieldValueInvalid", "message": why, "field": field} for field, why in causes]
    details = about(kind, group, name) | {"causes": told}
    return RefusedError(422, "Invalid", f'{_long(kind, group)} "{name}" is invalid: {whole}', details=details)
