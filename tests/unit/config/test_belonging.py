"""A document that names no application belongs to the nearest one, as the distance between documents has it."""

import itertools

import pytest

from config.application import Application
from config.belonging import owned
from config.definition import Declaration
from config.index import Entry, distance
from config.signup import ApplicationSignUp
from tests.unit.config.documents import APPLICATION_FILE, SHOP

FOLDERS = ("", "/", "a/", "a/b/", "a/b/c/", "a/d/", "e/", "/a/")
SHOPS = [f"{folder}app.json" for folder in FOLDERS]


def an_application(file: str) -> Entry[Declaration]:
    """Return an application called by the number of its file."""
    name = f"app{SHOPS.index(file)}"
    return Entry(file, Application.model_validate(SHOP[APPLICATION_FILE] | {"applicationId": name}))


def nearest(file: str, shops: tuple[str, ...]) -> list[str]:
    """Return the applications nearest to a file, by their distances."""
    least = min(distance(file, each) for each in shops)
    return [f"app{SHOPS.index(each)}" for each in shops if distance(file, each) == least]


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_nearest_application_has_it(folder: str) -> None:
    file = f"{folder}sign-up.json"
    for count in (1, 2, 3):
        for shops in itertools.combinations(SHOPS, count):
            warnings, orphans = [], []  # type: ignore[var-annotated]
            entries: list[Entry[Declaration]] = [*map(an_application, shops), Entry(file, ApplicationSignUp())]

            *_, last = owned(entries, warnings, orphans)

            wanted = nearest(file, shops)
            if len(wanted) > 1:
                assert [str(each) for each in orphans] == [
                    f"{file}: $.applicationId: must be given: no application lies nearest"
                ]
                continue
            assert isinstance(last.definition, ApplicationSignUp)
            assert last.definition.application_id == wanted[0]
            assert [each.bound for each in warnings] == [f"not given, read as '{wanted[0]}'"]


def test_without_an_application_it_belongs_to_none() -> None:
    warnings, orphans = [], []  # type: ignore[var-annotated]

    assert owned([Entry("a/sign-up.json", ApplicationSignUp())], warnings, orphans) == []
    assert len(orphans) == 1
