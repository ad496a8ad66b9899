"""A port on the command line."""

from argparse import ArgumentTypeError

import pytest

from pileus.options import port


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("9100", 9100), ("65535", 65_535)])
def test_a_port_is_read(text: str, number: int) -> None:
    assert port(text) == number


@pytest.mark.parametrize("text", ["65536", "-1", "x", "", "1.0", "٣"])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="must be a port, 0 to 65535"):
        port(text)
