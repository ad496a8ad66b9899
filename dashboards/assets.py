"""The files of the page: ours, and the chart library from its installed package. No other server is asked."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from fastapi import Request, Response

TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
OURS = ("index.html", "style.css", "main.js", "chart.js", "decision.js", "render.js", "tree.js", "words.js", "icon.svg")
CHARTS = "plotly.min.js"
NAMES = (*OURS, CHARTS)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, ready to be sent."""

    media_type: str
    plain: bytes
    packed: bytes
    etag: str


@cache
def load(name: str) -> Asset:
    """Read one of :data:`NAMES` and compress it, once."""
    folder = files("plotly") / "package_data" if name == CHARTS else files("dashboards") / "pages"
    plain = (folder / name).read_bytes()
    etag = f'"{hashlib.sha256(plain).hexdigest()[:16]}"'
    return Asset(TYPES[name.rpartition(".")[2]], plain, gzip.compress(plain, 6, mtime=0), etag)


def serve(request: Request, name: str) -> Response:
    """Answer with a file: compressed where that is understood, and not at all where the browser still has it."""
    asset = load(name)
    headers = {"etag": asset.etag, "cache-control": "no-cache", "vary": "accept-encoding"}
    if asset.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.packed, headers={**headers, "content-encoding": "gzip"}, media_type=asset.media_type)
    return Response(asset.plain, headers=headers, media_type=asset.media_type)
