"""The dashboard as a web application: the only place where model, feed and pages meet. GET and HEAD only."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from starlette.middleware.trustedhost import TrustedHostMiddleware

from dashboards import api, assets, health, metrics, problem
from dashboards.headers import SecurityHeaders
from dashboards.live import FullError, Live
from dashboards.model import Model
from dashboards.schemas import HealthView
from dashboards.status import Status

ABOUT = "The read-only view of Pileus: what it wants and why, what it foretells, what it has."
STOP_S = 1.0
"""How long the feed may take to end."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What the pages are made from."""

    model: Model
    status: Status
    live: Live
    clock: Callable[[], float]
    """Seconds since the Unix epoch."""


def create_app(
    sources: Sources, *, feed: Callable[[], Awaitable[None]] | None = None, hosts: Sequence[str] = ("*",)
) -> FastAPI:
    """Build the application; ``feed`` runs beside it (tests need none).

    ``hosts`` are the names under which it may be asked: on a loopback address only local names,
    so that a foreign page cannot read it through a name that it points here (DNS rebinding).
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        task = asyncio.ensure_future(feed()) if feed else None
        try:
            yield
        finally:
            sources.live.close()
            if task:
                task.cancel()
                await asyncio.wait([task], timeout=STOP_S)

    app = FastAPI(title="Pileus", description=ABOUT, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    app.add_middleware(SecurityHeaders)
    problem.install(app)
    api.install(app, model=sources.model, clock=sources.clock)
    _add_pages(app)
    _add_health(app, sources)
    _add_events(app, sources.live)
    return app


def _add_pages(app: FastAPI) -> None:
    """Serve the page and what it is made of."""

    def page(request: Request) -> Response:
        return assets.serve(request, "index.html")

    def asset(request: Request, name: str) -> Response:
        if name not in assets.NAMES:
            raise problem.not_found("file", name, assets.NAMES)
        return assets.serve(request, name)

    app.add_api_route("/", page, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/assets/{name}", asset, methods=["GET", "HEAD"], include_in_schema=False)


def _add_health(app: FastAPI, sources: Sources) -> None:
    """Serve the health of Pileus and of the dashboard itself."""

    async def pileus() -> HealthView:
        """Say how Pileus is, as far as its topics show it, and in words what is wrong."""
        return health.health(sources.model, sources.status, now=sources.clock())

    async def live() -> Response:
        """Answer: the dashboard runs."""
        return Response("ok\n", media_type="text/plain")

    async def ready() -> Response:
        """Answer 200 when the view is whole, 503 while the broker is away or the topics are being read."""
        if sources.status.caught_up:
            return Response("ok\n", media_type="text/plain")
        said = sources.status.error or "the topics are being read"
        return problem.response(status=503, title="Not ready", detail=f"broker {sources.status.broker}: {said}")

    async def exposition() -> Response:
        """Write the metrics in the OpenMetrics text format."""
        text = metrics.exposition(sources.model, sources.status, now=sources.clock())
        return Response(text, headers={"content-type": metrics.CONTENT_TYPE})

    api.read(app, "/api/health", pileus)
    api.read(app, "/livez", live)
    api.read(app, "/healthz", live)
    api.read(app, "/readyz", ready)
    api.read(app, "/metrics", exposition)


def _add_events(app: FastAPI, live: Live) -> None:
    """Serve what changes, as it changes."""

    async def stream(request: Request) -> Response:
        """Send server-sent events: ``forecast``, ``decision``, ``member``, ``cluster``, ``application``, ``reset``.

        ``reset`` means: everything may have changed, load it anew.
        """
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        try:
            queue = live.open()
        except FullError as error:
            return problem.response(status=503, title="Too many pages", detail=str(error))
        events = live.stream(queue, gone=request.is_disconnected)
        return StreamingResponse(events, media_type="text/event-stream", headers={"x-accel-buffering": "no"})

    api.read(app, "/events", stream)
