"""Where the clouds of this machine keep what they know, below the folder of the setting ``state_dir``. Pure."""

from pathlib import Path


def local_folder(state: Path) -> Path:
    """Return where the local cloud remembers its instances."""
    return (state / "local").resolve()


def docker_folder(state: Path) -> Path:
    """Return where the agents beside containers keep their files."""
    return (state / "docker").resolve()
