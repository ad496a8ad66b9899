"""Calls that never become an answer: TLS that fails. No API server is needed for that."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from actuators.kube.api import Api
from actuators.ports import CredentialsError, TransientCloudError
from config.kubernetes_account import KubernetesAccount

WITHIN_S = 5.0
UNTRUSTED = (
    "SSLError\n[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate (_ssl.c:1006)"
)


@pytest.fixture
def port() -> Iterator[int]:
    """Where a server listens that speaks no TLS, to one caller."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(WITHIN_S)

        def answer() -> None:
            caller, _ = server.accept()
            with caller:
                caller.recv(1)
                caller.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        yield int(server.getsockname()[1])
        thread.join(WITHIN_S)


def an_api(directory: Path, port: int) -> Api:
    content = {
        "clusters": [{"name": "c", "cluster": {"server": f"https://127.0.0.1:{port}"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    file = directory / "kubeconfig"
    file.write_text(json.dumps(content))
    return Api(KubernetesAccount(owner="tests", kubeconfig=str(file), timeout_s=WITHIN_S))


async def test_a_handshake_that_fails_is_no_answer(port: int, tmp_path: Path) -> None:
    api = an_api(tmp_path, port)

    with pytest.raises(TransientCloudError, match="SSLError"):
        await api.get("/api/v1/pods")

    api.close()


async def test_a_server_that_is_not_trusted_is_told_as_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(*_: Any, **__: Any) -> None:
        raise ApiException(status=0, reason=UNTRUSTED)

    monkeypatch.setattr("kubernetes.client.ApiClient.call_api", call)
    api = an_api(tmp_path, 1)

    with pytest.raises(CredentialsError, match="not trusted"):
        await api.get("/api/v1/pods")

    api.close()
