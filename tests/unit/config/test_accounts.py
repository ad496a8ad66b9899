"""The accounts of clouds: a file of settings that holds no credential."""

from pathlib import Path

import pytest

from config.accounts import load_accounts, resolve
from config.errors import ConfigError


def file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "clouds.toml"
    path.write_text(text)
    return path


def test_a_tables_name_is_the_driver_when_none_is_given(tmp_path: Path) -> None:
    accounts = load_accounts(file(tmp_path, '[ec2]\nowner = "a"\n[backup]\ndriver = "ec2"\nowner = "a"\n'))

    assert {name: account.driver for name, account in accounts.items()} == {"ec2": "ec2", "backup": "ec2"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("[ec2]\n", "owner", id="whose instances must be said"),
        pytest.param('[ec2]\nowner = "a"\nsecret = "hunter2"\n', r"secret", id="a credential in the file"),
        pytest.param('[ec2]\nowner = "a"\nregion = "x"\n', "region", id="an unknown key"),
        pytest.param('[ec2]\nowner = "a"\nconcurrency = 0\n', "concurrency", id="out of bounds"),
        pytest.param('ec2 = "a"\n', "ec2", id="no table"),
        pytest.param("[ec2", "must be TOML", id="no TOML"),
    ],
)
def test_what_is_wrong_is_told_without_the_value_of_a_secret(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as told:
        load_accounts(file(tmp_path, text))

    assert "hunter2" not in str(told.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml"):
        load_accounts(tmp_path / "none.toml")


def test_a_reference_names_a_variable_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "k")

    assert resolve("env:KEY") == "k"
    assert resolve(f"file:{file(tmp_path, ' s ')}") == "s"
    assert resolve("http://auth:5000") == "http://auth:5000"


@pytest.mark.parametrize("reference", ["env:NO_SUCH_NAME", "file:/no/such/file"])
def test_a_secret_that_is_not_there_is_told_by_its_reference(reference: str) -> None:
    with pytest.raises(LookupError, match=reference.partition(":")[2]):
        resolve(reference)
