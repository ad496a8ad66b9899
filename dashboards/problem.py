"""Errors as RFC 9457 problem details."""

import difflib
from collections.abc import Iterable

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from dashboards.schemas import View

MEDIA_TYPE = "application/problem+json"
LISTED = 10
"""Names listed in a hint."""


class Problem(View):
    """What went wrong."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


RESPONSES: dict[int | str, dict[str, object]] = {
    404: {"description": "No such thing", "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}},
    422: {"description": "A parameter is wrong", "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}},
}
"""What every operation may answer, for OpenAPI."""


class NotFoundError(Exception):
    """Nothing has this name; the message says what was meant perhaps."""


def not_found(kind: str, name: str, known: Iterable[str]) -> NotFoundError:
    """Say that there is no ``kind`` called ``name``, and which one may have been meant."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        hint = f"did you mean '{near[0]}'?"
    else:
        hint = (
            f"known: {', '.join(names[:LISTED])}{' ...' if len(names) > LISTED else ''}"
            if names
            else f"no {kind} is known yet"
        )
    return NotFoundError(f"no {kind} '{name[:80]}'; {hint}")


def response(*, status: int, title: str, detail: str, headers: dict[str, str] | None = None) -> Response:
    """Return a problem as a response."""
    body = Problem(title=title, status=status, detail=detail).model_dump_json()
    return Response(body, status_code=status, headers=headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every error of ``app`` as a problem."""

    @app.exception_handler(NotFoundError)
    async def _not_found(_: Request, error: NotFoundError) -> Response:
        return response(status=404, title="Not found", detail=str(error))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        detail = "this view only reads: GET and HEAD" if error.status_code == 405 else str(error.detail)  # noqa: PLR2004
        if error.status_code == 404:  # noqa: PLR2004 - HTTP's own numbers
            detail = f"nothing at {request.url.path[:200]}"
        headers = dict(error.headers) if error.headers else None
        return response(status=error.status_code, title=str(error.detail), detail=detail, headers=headers)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> Response:
        said = "; ".join(
            f"{'.'.join(map(str, e['loc']))} = {str(e['input'])[:80]!r}: {e['msg']}" for e in error.errors()
        )
        return response(status=422, title="A parameter is wrong", detail=said)

    @app.exception_handler(Exception)
    async def _fault(_: Request, error: Exception) -> Response:
        return response(status=500, title="Fault in the dashboard", detail=type(error).__name__)
