"""One self-contained page: the verdict, a plot that one can zoom into, the worst moments, every number explained."""

from collections.abc import Sequence
from importlib.resources import files

import msgspec

from pileus.lab.answers import sentence, together
from pileus.lab.examine import Answer

CHARTS = "plotly.min.js"
PARTS = ("style.css", "body.html", "page.js")


class _Payload(msgspec.Struct, frozen=True):
    """What the page draws."""

    answers: Sequence[Answer]
    pooled: list[str]


def page(answers: Sequence[Answer]) -> str:
    """Return the page as HTML. It needs no server and asks none.

    Raises
    ------
    FileNotFoundError
        If the chart library is not installed.
    """
    charts = (files("plotly") / "package_data" / CHARTS).read_text(encoding="utf-8")
    parts = files("pileus") / "lab" / "page"
    style, body, script = ((parts / name).read_text(encoding="utf-8") for name in PARTS)
    data = (
        msgspec.json.encode(
            _Payload(answers, [sentence(each) for each in together([answer.result for answer in answers])])
        )
        .decode()
        .replace("<", "\\u003c")
    )
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            "<title>Pileus: should this policy ship?</title>",
            f"<style>{style}</style></head><body>",
            body,
            f'<script type="application/json" id="data">{data}</script>',
            f"<script>{charts}</script>",
            f"<script>{script}</script>",
            "</body></html>",
            "",
        ]
    )
