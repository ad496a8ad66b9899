"""Work grows with what there is to do, not with its square: calls are counted, no clock is read."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from config.catalogue import assemble
from config.parse import Source, parse
from tests.unit.config.mixed import TEAM, Document, mixed

Files = list[tuple[str, Document]]

FEW, MANY = 4, 16
"""Teams of 100 definitions."""
SLACK = 1.03
"""How much more than in proportion it may grow."""

SCALING = re.compile(r'(?<="autoscalingPolicy": )"[^"]*"')


def in_one_folder(teams: int) -> Files:
    return [(f"all/{i}.json", document) for i, document in enumerate(mixed(teams * TEAM))]


def with_a_wrong_name(teams: int) -> Files:
    """Return documents whose applications all name one policy that nothing declares."""
    return [(f, json.loads(SCALING.sub('"scaling"', json.dumps(each)))) for f, each in in_one_folder(teams)]


def of_many_tenants(teams: int) -> Files:
    """Return small tenants, each with a cartridge and a group."""
    cartridge = next(each for each in mixed(TEAM) if each["kind"] == "cartridge")
    group = {"kind": "cartridgeGroup", "name": "g", "cartridges": [cartridge["type"]]}
    names = [f"t{i}" for i in range(10 * teams)]
    given: list[Document] = [{"kind": "tenant", "tenantDomain": name} for name in names]
    given += [each | {"tenant": name} for name in names for each in (cartridge, group)]
    return [(f"all/{i}.json", document) for i, document in enumerate(given)]


def with_alternatives(teams: int) -> Files:
    """Return documents with a second version of every policy."""
    given = in_one_folder(teams)
    return given + [(f"other/{f}", each | {"tolerance": 0.5}) for f, each in given if "loadThresholds" in each]


def with_homeless(teams: int) -> Files:
    """Return documents with each application in a folder of its own, and mappings beside some that name none."""
    given = in_one_folder(teams)
    files = {each["applicationId"]: f"{file}.d/a.json" for file, each in given if each["kind"] == "application"}
    found: Files = []
    for file, each in given:
        if each["kind"] == "domainMapping":
            own = {key: value for key, value in each.items() if key != "applicationId"}
            found.append((files[each["applicationId"]] + ".domains", own))
        else:
            found.append((files[each["applicationId"]] if each["kind"] == "application" else file, each))
    return found


def one_id_over_and_over(teams: int) -> Files:
    given = {"kind": "autoscalingPolicy", "id": "x", "loadThresholds": {"loadAverage": {"threshold": 1}}}
    return [(f"all/{i}.json", given | {"tolerance": i / 10_000}) for i in range(teams * TEAM)]


@contextmanager
def counted() -> Iterator[list[int]]:
    """Count the calls that are made, generators' steps included."""
    calls, before = [0], sys.getprofile()

    def count(_frame: Any, event: str, _arg: Any) -> None:
        calls[0] += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(before)


def calls_for(files: Files, *, strict: bool) -> int:
    """Return how many calls it takes to check and to resolve documents."""
    parsed = [parse(Source(file, document)) for file, document in files]
    assert not any(each.problems for each in parsed)
    with counted() as calls:
        catalogue, _ = assemble(parsed, strict=strict)
        catalogue.applications()
    return calls[0]


@pytest.mark.parametrize("strict", [True, False], ids=["to be used", "only checked"])
@pytest.mark.parametrize(
    "files",
    [in_one_folder, with_a_wrong_name, of_many_tenants, with_alternatives, with_homeless, one_id_over_and_over],
)
def test_work_is_in_proportion(files: Callable[[int], Files], strict: bool) -> None:  # noqa: FBT001 - a case
    few, many = files(FEW), files(MANY)

    growth = calls_for(many, strict=strict) / calls_for(few, strict=strict)

    assert growth <= SLACK * len(many) / len(few)
