"""Accounts of Kubernetes clusters."""

from pathlib import Path

import pytest

from config.accounts import Account, load_accounts
from config.errors import ConfigError
from config.kubernetes_account import KubernetesAccount


def load(tmp_path: Path, text: str) -> dict[str, Account | KubernetesAccount]:
    file = tmp_path / "clouds.toml"
    file.write_text(text, encoding="utf-8")
    return load_accounts(file)


def test_a_table_of_that_driver_is_one_beside_those_of_machines(tmp_path: Path) -> None:
    text = '[kubernetes]\nowner = "o"\n[far]\ndriver = "kubernetes"\nowner = "o"\nnamespace = "a"\nnamespaces = ["b"]\n'

    found = load(tmp_path, text + '[ec2]\nowner = "o"\n')

    assert found["kubernetes"] == KubernetesAccount(owner="o")
    assert isinstance(found["far"], KubernetesAccount)
    assert found["far"].looked_at == ("a", "b")
    assert isinstance(found["ec2"], Account)


def test_every_namespace_is_one_place_to_look_at() -> None:
    assert KubernetesAccount(owner="o", namespaces=("*", "b")).looked_at == ("*",)


@pytest.mark.parametrize(
    "line",
    ['owner = "-x"', 'namespace = "A"', 'namespaces = ["a/b"]', "timeout_s = 0", 'token = "secret"', "concurrency = 0"],
)
def test_what_cannot_be_is_refused(tmp_path: Path, line: str) -> None:
    owner = "" if line.startswith("owner") else 'owner = "o"\n'
    with pytest.raises(ConfigError, match="kubernetes"):
        load(tmp_path, f"[kubernetes]\n{owner}{line}\n")
