"""Where the clouds of this machine keep what they know, below the folder of the setting ``state_dir``. Pure."""

from pathlib import Path


def local_folder(state: Path) -> Path:
    """Return where the local cloud remembers its instances."""
    return (state / "local").resolve()


def docker_folder(state: Path) -> Path:
    """Return where the agents beside containers keep their files."""
    return (state / "docker").resolve()


def host_folder(state: Path, host: str) -> Path:
    """Return where the agents beside the containers on one host keep their files."""
    return (hosts_folder(state) / host).resolve()


def hosts_folder(state: Path) -> Path:
    """Return where the folders of all hosts are."""
    return (state / "hosts").resolve()
