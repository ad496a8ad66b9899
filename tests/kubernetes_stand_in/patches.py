"""Patches: a JSON merge patch (RFC 7386), and of strategic merge patches what the official client's tests send."""

from typing import Any

from tests.kubernetes_stand_in.refusals import bad_request, unsupported_media

MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
_KEYS = {"conditions": "type", "containers": "name", "containerStatuses": "name", "schedulingGates": "name"}
"""Lists whose items a strategic merge patch merges, and by which key; it replaces other lists."""


def patched(there: Any, patch: Any, content_type: str) -> Any:
    """Return an object with a patch merged into it.

    Raises
    ------
    RefusedError
        The patch is no object, or of a type that we do not have.
    """
    kind = content_type.partition(";")[0].strip()
    if kind not in {MERGE, STRATEGIC}:
        raise unsupported_media(kind, (MERGE, STRATEGIC))
    if not isinstance(patch, dict):
        raise bad_request("the patch is no JSON object")
    return _merged(there, patch, strategic=kind == STRATEGIC)


def _merged(there: Any, patch: Any, *, strategic: bool) -> Any:
    if not isinstance(patch, dict):
        return patch
    made = dict(there) if isinstance(there, dict) else {}
    for name, value in patch.items():
        if strategic and name.startswith("$"):
            raise bad_request(f"directive {name} of strategic merge patches is not supported by this stand-in")
        if value is None:
            made.pop(name, None)
        elif strategic and name in _KEYS and isinstance(value, list):
            made[name] = _by_key(made.get(name) or [], value, _KEYS[name])
        else:
            made[name] = _merged(made.get(name), value, strategic=strategic)
    return made


def _by_key(there: list[Any], patch: list[Any], key: str) -> list[Any]:
    made = {each[key]: each for each in there}
    for each in patch:
        made[each[key]] = _merged(made.get(each[key]), each, strategic=True)
    return list(made.values())
