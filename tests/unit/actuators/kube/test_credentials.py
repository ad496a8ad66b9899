"""Where credentials come from when there is no kubeconfig: the service account of the pod that Pileus runs in."""

from pathlib import Path

import pytest

from actuators.kube.api import _configuration
from actuators.ports import CredentialsError
from config.kubernetes_account import KubernetesAccount

FILES = "kubernetes.config.incluster_config"
ACCOUNT = KubernetesAccount(owner="tests")


@pytest.fixture
def in_a_pod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name, text in (("token", "token-of-the-pod"), ("ca.crt", "a certificate")):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(f"{FILES}.SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(f"{FILES}.SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    return tmp_path


def test_the_service_account_of_our_own_pod_is_used_without_a_kubeconfig(in_a_pod: Path) -> None:
    made = _configuration(ACCOUNT)

    assert made.host == "https://10.96.0.1:443"
    assert made.verify_ssl is True
    assert made.ssl_ca_cert == str(in_a_pod / "ca.crt")
    assert made.auth_settings()["BearerToken"]["value"] == "bearer token-of-the-pod"


@pytest.mark.parametrize("missing", ["token", "ca.crt"])
def test_what_the_pod_does_not_have_is_told_as_credentials(in_a_pod: Path, missing: str) -> None:
    (in_a_pod / missing).unlink()

    with pytest.raises(CredentialsError, match="service account of this pod"):
        _configuration(ACCOUNT)


def test_outside_of_a_pod_there_are_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    with pytest.raises(CredentialsError, match="service account of this pod"):
        _configuration(ACCOUNT)
