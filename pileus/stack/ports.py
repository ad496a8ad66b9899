"""Free addresses on this machine."""

import socket
from collections.abc import Iterator

LOWEST, HIGHEST = 19000, 19099
"""Where the local stack looks first: below the range that outgoing connections take their ports from."""


def free_ports() -> Iterator[int]:
    """Yield ports on 127.0.0.1 that nothing listens on now, each once.

    Raises
    ------
    OSError
        When none of the range is left.
    """
    for port in range(LOWEST, HIGHEST + 1):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        yield port
    raise OSError(f"no free port between {LOWEST} and {HIGHEST} on 127.0.0.1")
