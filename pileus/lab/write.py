"""Tells results: a table or JSON on standard output, a page in a file."""

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pileus.lab.answers import sentence, told
from pileus.lab.examine import Answer
from pileus.lab.markdown import markdown
from pileus.lab.text import table


def tell(answers: Sequence[Answer], *, output: str, html: Path | None) -> None:
    """Tell results, in the order of the trials."""
    said = told(answers)
    if html is not None:
        from pileus.lab.html import page  # noqa: PLC0415 - reads the chart library

        html.write_text(page(answers), encoding="utf-8")
        sys.stderr.write(f"page written to {html}\n")
    if output == "json":
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(said), indent=2).decode() + "\n")
    elif output == "markdown":
        sys.stdout.write(markdown(said))
    else:
        sys.stdout.write(table(said.results))
        sys.stdout.write("".join(f"POOLED: {sentence(each)}\n" for each in said.pooled))
