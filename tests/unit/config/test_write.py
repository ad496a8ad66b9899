"""Definitions written as YAML read back equal, whatever text is in them."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.read import _yaml, read
from config.write import in_yaml

WORDS = ["no", "yes", "on", "null", "~", "true", "1e5", "0x1f", "1.10", "-", "2026-01-01", "!x", "&a", "*a", "é"]


@pytest.mark.parametrize("word", [*WORDS, "", " a", "a: b", "a #b", "a\n", "\t"])
def test_text_stays_text(word: str) -> None:
    assert list(_yaml(in_yaml([{"a": word, word: [word]}]))) == [{"a": word, word: [word]}]


scalars = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(-1e12, 1e12) | st.text(max_size=8)
documents = st.recursive(
    st.dictionaries(st.text("ab1.", min_size=1, max_size=3), scalars, min_size=1, max_size=3),
    lambda inner: st.dictionaries(st.text("xyz", min_size=1), st.lists(inner, max_size=3) | inner, min_size=1),
    max_leaves=6,
)


@given(st.lists(documents, min_size=1, max_size=3))
def test_any_documents_read_back_equal(given: list[Any]) -> None:
    assert list(_yaml(in_yaml(given))) == given


def test_a_file_of_several_documents_is_read_as_several(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(in_yaml([{"a": 1}, {"a": 2}]))

    assert [each.document for each in read([tmp_path])[0]] == [{"a": 1}, {"a": 2}]
