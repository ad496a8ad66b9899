"""The documented list of reason codes and gates is the code's."""

import re
from pathlib import Path

from streams.records.decision import Code, GateName

PAGE = Path(__file__).parents[3] / "docs" / "decisions-codes.md"


def rows(after: str) -> list[list[str]]:
    """Return the cells of the first table after a line."""
    text = PAGE.read_text(encoding="utf-8").partition(after)[2]
    table = next(part for part in text.split("\n\n") if part.lstrip().startswith("|"))
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.strip().splitlines()[2:]]


def test_every_code_is_documented_once() -> None:
    assert sorted(row[0] for row in rows("# Why")) == sorted(f"`{code.value}`" for code in Code)
    assert all(len(row[1]) > 20 for row in rows("# Why"))


def test_every_gate_is_documented_in_order_with_its_codes() -> None:
    gates = rows("## The gates")

    assert [row[0] for row in gates] == [f"`{gate.value}`" for gate in GateName]
    named = {code for row in gates for code in re.findall(r"`(\w+)`", row[2])}
    assert named == {code.value for code in Code} - {Code.ALREADY_DESIRED.value}


def test_codes_are_camel_case() -> None:
    assert all(re.fullmatch(r"([A-Z][a-z]+)+", code.value) for code in (*Code, *GateName))
