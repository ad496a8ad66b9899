"""Print how long files and functions are: reported, never gated. ``make check`` ends with it."""

import ast
import statistics
import sys
from collections.abc import Sequence

from tests.architecture.tree import PACKAGES, name, parse, sources

AIM = "aim: files median <= 120, none over 400; functions median <= 12, 90 % under 40; tests at least 1.5 x the code"

Function = ast.FunctionDef | ast.AsyncFunctionDef


def body_lines(function: Function) -> int:
    """Return a function's length in lines, from ``def`` to its end, without its docstring."""
    length = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        length -= (first.end_lineno or first.lineno) - first.lineno + 1
    return length


def at(values: Sequence[int], share: float) -> int:
    """Return the value below which ``share`` of the values lie (0 when there are none)."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0


def report(*folders: str, title: str) -> tuple[str, int]:
    """Return a line about the folders, and how many lines they hold."""
    long = {path: len(path.read_text().splitlines()) for path in sources(*folders)}
    functions = [body_lines(node) for path in long for node in ast.walk(parse(path)) if isinstance(node, Function)]
    longest = max(long, key=lambda path: long[path])
    text = (
        f"{title}: {sum(long.values())} lines in {len(long)} files: median {statistics.median(long.values()):g}, "
        f"longest {long[longest]} ({name(longest)}); {len(functions)} functions: median {at(functions, 0.5)}, "
        f"90 % within {at(functions, 0.9)}, longest {max(functions, default=0)}"
    )
    return text, sum(long.values())


def main() -> None:
    """Print the sizes of the code and of the tests."""
    code, code_lines = report(*PACKAGES, title="code")
    tests, test_lines = report("tests", title="tests")
    sys.stdout.write(f"{code}\n{tests}; {test_lines / code_lines:.1f} x the code\n({AIM})\n")


if __name__ == "__main__":
    main()
