"""The lock pins and hashes everything that ``pyproject.toml`` asks for, and says nothing of where it comes from."""

import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.tree import PROJECT, ROOT

LOCK = (ROOT / "requirements.lock").read_text().replace("\\\n", "")
PINNED = re.compile(
    r"(?P<name>[a-z0-9-]+)==(?P<version>\S+)(?: ; (?P<when>[^\n]*?))?(?P<hashes>(?:\s+--hash=sha256:[0-9a-f]{64})+)\s*"
)
ASKED = [
    Requirement(text)
    for text in (
        *PROJECT["project"]["dependencies"],
        *PROJECT["dependency-groups"]["dev"],
        *PROJECT["build-system"]["requires"],
    )
]


def test_every_line_is_a_pinned_and_hashed_package() -> None:
    assert not [line for line in LOCK.splitlines() if line.strip() and not PINNED.fullmatch(line)]


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_what_the_project_asks_for_is_locked_within_its_bounds(asked: Requirement) -> None:
    versions = [found["version"] for found in PINNED.finditer(LOCK) if found["name"] == canonicalize_name(asked.name)]

    assert versions
    assert all(asked.specifier.contains(version) for version in versions), "run 'make lock'"
