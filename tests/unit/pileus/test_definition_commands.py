"""How the commands on definitions are used wrongly, and records that are no definitions."""

import pytest

from pileus.cli import main
from pileus.definitions import Stored


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["apply", "nowhere"], "pileus apply: nowhere: no such file or folder\n", id="apply what is not"),
        pytest.param(["diff", "nowhere"], "pileus diff: nowhere: no such file or folder\n", id="compare what is not"),
        pytest.param(["graph", "shop", "nowhere"], "pileus graph: nowhere: no such file", id="draw what is not"),
        pytest.param(["get", "cartrige"], "no kind 'cartrige', did you mean 'cartridge'?", id="get an unknown kind"),
        pytest.param(
            ["delete", "x", "y"], "no kind 'x', one of tenant, kubernetesCluster,", id="delete an unknown kind"
        ),
    ],
)
def test_wrong_usage_needs_no_broker(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("command", ["apply", "diff", "graph", "delete cartridge", "get"])
def test_too_few_words_are_wrong_usage(command: str) -> None:
    with pytest.raises(SystemExit) as end:
        main(command.split())

    assert end.value.code == 2


@pytest.mark.parametrize(
    ("key", "value", "document"),
    [
        pytest.param("cartridge/default/web", b'{"type":"web"}', {"kind": "cartridge", "type": "web"}, id="no kind"),
        pytest.param("cartridge/default/web", b'{"kind":"x"}', {"kind": "x"}, id="its own kind"),
        pytest.param("cartridge/default/web", b"{", None, id="no JSON"),
        pytest.param("cartridge/default/web", b"[]", None, id="no object"),
        pytest.param("cartridge/default/web", b"\xff", None, id="no text"),
        pytest.param("cartridge/default/web", b"[" * 100_000, None, id="nested too deep"),
        pytest.param("nonsense", b"{}", {"kind": "nonsense"}, id="a key that is none"),
    ],
)
def test_any_record_can_be_shown_or_told(key: str, value: bytes, document: object) -> None:
    record = Stored(key, value, 0.0)

    assert record.document() == document
    assert record.parsed().problems
    assert "/".join(record.identity).startswith(key)
