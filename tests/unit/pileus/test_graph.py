"""An application drawn: every order, ratio and behaviour is in the drawing."""

from pathlib import Path
from typing import Any

import pytest

from config.catalogue import load
from config.tree import ApplicationSpec
from pileus.cli import main
from pileus.graph import mermaid, text, waves
from tests.unit.config.composites import a_group, a_use, composite, orders
from tests.unit.config.documents import write


def an_application(folder: Path, **components: Any) -> ApplicationSpec:
    write(folder, composite(**components))
    (found,) = load([folder]).applications()
    return found


def shop(folder: Path, **dependencies: Any) -> ApplicationSpec:
    given = {"startupOrders": orders("group.back cartridge.front"), "terminationBehaviour": "terminate-all"}
    return an_application(folder, dependencies=given | dependencies)


def test_text(tmp_path: Path) -> None:
    spec = shop(tmp_path, scalingDependents=orders("cartridge.front group.back"))

    assert text(spec).splitlines() == [
        "application shop (tenant default)",
        "  starts: back, then front",
        "  ends: front, then back",
        "  scales together: front : back = 1 : 1",
        "  terminates all: when a child is Inactive, all of them end and start anew",
        "  front: cartridge web, 1 to 2 members, after back",
        "  back: group pair, 1 times",
        "      starts: db, then api",
        "      ends: api, then db",
        "      terminates none: when a child is Inactive, nothing else ends",
        "      db: cartridge web, 1 to 2 members",
        "      api: cartridge web, 1 to 2 members, after db",
    ]


def test_mermaid(tmp_path: Path) -> None:
    spec = shop(
        tmp_path,
        scalingDependents=orders("cartridge.front group.back"),
        terminationOrder=orders("group.back cartridge.front"),
    )

    assert mermaid(spec).splitlines()[2:] == [
        '  subgraph n0["shop, terminates all"]',
        '    n1["front: cartridge web, 1 to 2 members"]',
        '    subgraph n2["back: group pair, 1 times, terminates none"]',
        '      n3["db: cartridge web, 1 to 2 members"]',
        '      n4["api: cartridge web, 1 to 2 members"]',
        "      n3 --> n4",
        "    end",
        "    n2 --> n1",
        "    n2 -.-|scales with| n1",
        "    n2 -.->|ends before| n1",
        "  end",
    ]


def test_unrelated_branches_start_in_one_wave() -> None:
    assert waves(["d", "a", "b", "c", "e"], (("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"))) == [
        ["a", "e"],
        ["b", "c"],
        ["d"],
    ]


def test_the_order_is_that_of_the_declaration_whatever_the_names(tmp_path: Path) -> None:
    group = a_group("back", a_use("db"), a_use("api"), a_use("end"))  # "end" is a word of Mermaid

    assert '["end: cartridge web, 1 to 2 members"]' in mermaid(an_application(tmp_path, groups=[group]))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(["shop"], 0, "application shop (tenant default)", id="drawn"),
        pytest.param(["shop", "-o", "mermaid"], 0, "flowchart LR", id="drawn as Mermaid"),
        pytest.param(["shoe"], 1, "no application shoe, did you mean 'shop'?", id="no such application"),
        pytest.param(["shop", "--tenant", "acme.org"], 1, "no application shop", id="another tenant's"),
    ],
)
def test_the_command(
    words: list[str], code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, composite())

    assert main(["graph", words[0], str(tmp_path), *words[1:]]) == code
    out, err = capsys.readouterr()
    assert said in (err if code else out)


def test_an_application_that_is_wrong_is_not_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, composite(dependencies={"startupOrders": orders("group.back cartridge.fromt")}))

    assert main(["graph", "shop", str(tmp_path)]) == 1
    assert "did you mean 'cartridge.front'?" in capsys.readouterr().err


def test_an_application_declared_twice_is_not_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, composite(cartridges=[a_use("front", most=3 if name == "a" else 4)]))

    assert main(["graph", "shop", str(tmp_path)]) == 1
    assert "shop is declared in" in capsys.readouterr().err
