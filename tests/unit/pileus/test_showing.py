"""Definitions shown as JSON and as a table."""

import json

from pileus.showing import in_json, table


def test_one_document_in_json_is_no_list() -> None:
    assert json.loads(in_json([{"a": 1}])) == {"a": 1}
    assert json.loads(in_json([{"a": 1}, {}])) == [{"a": 1}, {}]
    assert json.loads(in_json([])) == []


def test_a_table_has_columns() -> None:
    assert table([("cartridge", "default", "web", 0.0), ("tenant", "default", "acme.org", 1.5)]).splitlines() == [
        "KIND       TENANT   ID        DECLARED",
        "cartridge  default  web       1970-01-01T00:00:00Z",
        "tenant     default  acme.org  1970-01-01T00:00:01Z",
    ]
