"""A Docker engine of the tests' own: private folders, socket, bridge and containerd names, no firewall rules.

It stands beside whatever engine the machine has. Published ports are served by the engine's own proxy.
"""

import contextlib
import io
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil
from docker import APIClient
from docker.errors import DockerException

from tests.waiting import wait_until

UP_S = 60.0
DOWN_S = 60.0
CALL_S = 30.0
TINY = "pileus-test/tiny:1"
"""busybox alone: a shell, a web server, sleep."""


class MissingEngineError(RuntimeError):
    """What an engine needs is not on this machine; ``.ci/run`` installs it."""


@dataclass
class DockerEngine:
    """One dockerd. ``stop`` and ``start`` keep its images and containers."""

    directory: Path
    bridge: str
    live_restore: bool = False
    port: int = 0
    """Where it listens on 127.0.0.1 beside its socket; 0: nowhere."""
    _process: subprocess.Popen[bytes] | None = None
    _said: IO[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"unix://{self.directory}/s"

    def client(self) -> APIClient:
        return APIClient(base_url=self.url, version="auto", timeout=CALL_S)

    def start(self) -> None:
        """Start it, and return once it answers."""
        words = ["dockerd", "--storage-driver", "overlay2", "--host", self.url, "--pidfile", f"{self.directory}/pid"]
        words += ["--data-root", f"{self.directory}/data", "--exec-root", f"{self.directory}/exec"]
        words += ["--bridge", self.bridge, "--iptables=false", "--ip-masq=false", "--ip-forward=false"]
        words += ["--containerd-namespace", self.bridge, "--containerd-plugins-namespace", f"{self.bridge}-plugins"]
        words += ["--config-file", f"{self.directory}/daemon.json"] + ["--live-restore"] * self.live_restore
        words += ["--host", f"tcp://127.0.0.1:{self.port}", "--tls=false"] if self.port else []
        (self.directory / "daemon.json").write_text("{}")
        (self.directory / "pid").unlink(missing_ok=True)
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(self._answers, within_s=UP_S, what=f"dockerd: {self.last_words()}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Signal it, and return once it is gone."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(DOWN_S)
            self._process = None

    def last_words(self) -> str:
        path = self.directory / "log"
        return path.read_text()[-2000:] if path.exists() else ""

    def _answers(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError(f"dockerd ended: {self.last_words()}")
        try:
            client = self.client()
            client.ping()
            client.close()
        except (DockerException, OSError):
            return False
        return True


def start_engine(*, live_restore: bool = False, port: int = 0) -> DockerEngine:
    """Start an engine.

    Raises
    ------
    MissingEngineError
        There is no dockerd, ip or busybox, or this is not root.
    """
    missing = [name for name in ("dockerd", "ip", "busybox") if not shutil.which(name)]
    if missing or os.geteuid() != 0:
        raise MissingEngineError(f"a Docker engine needs {', '.join(missing) or 'root'}")
    directory = Path(tempfile.mkdtemp(prefix="pileus-docker-"))  # a socket's path must be short
    number = _add_bridge()
    engine = DockerEngine(directory, f"pileus{number}", live_restore=live_restore, port=port)
    try:
        engine.start()
        client = engine.client()
        import_tiny(client)
        client.close()
    except BaseException:
        remove_engine(engine)
        raise
    return engine


def remove_engine(engine: DockerEngine) -> None:
    """End an engine and everything it runs, and remove its files."""
    with contextlib.suppress(DockerException, OSError):
        client = engine.client()
        for each in client.containers(all=True):
            client.remove_container(each["Id"], force=True, v=True)
        client.close()
    engine.stop()
    for process in _left(engine.directory):
        with contextlib.suppress(psutil.Error):
            process.kill()
    subprocess.run(["ip", "link", "delete", engine.bridge], check=False, capture_output=True, timeout=CALL_S)
    until = time.monotonic() + DOWN_S
    while engine.directory.exists() and time.monotonic() < until:
        _unmount(engine.directory)
        shutil.rmtree(engine.directory, ignore_errors=True)


def _add_bridge() -> int:
    """Make a bridge with a network of its own; return its number."""
    for number in range(os.getpid() % 200, os.getpid() % 200 + 50):
        name = f"pileus{number}"
        words = ["ip", "link", "add", "name", name, "type", "bridge"]
        if subprocess.run(words, check=False, capture_output=True, timeout=CALL_S).returncode:
            continue
        address = ["ip", "address", "add", f"172.31.{number}.1/24", "dev", name]
        subprocess.run(address, check=True, capture_output=True, timeout=CALL_S)
        subprocess.run(["ip", "link", "set", name, "up"], check=True, capture_output=True, timeout=CALL_S)
        return number
    raise MissingEngineError("no bridge can be made")


def _left(directory: Path) -> list[psutil.Process]:
    """Return the processes of an engine that outlived it."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(str(directory) in word for word in process.cmdline()):
                found.append(process)
    return found


def _unmount(directory: Path) -> None:
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((each for each in mounts if each.startswith(f"{directory}/")), reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True, timeout=CALL_S)


def import_tiny(client: APIClient) -> None:
    """Make the image ``TINY`` of this machine's busybox, which is a program without libraries."""
    path = shutil.which("busybox")
    assert path
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for folder in ("bin", "tmp", "run", "etc", "www"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(entry)
        tar.add(Path(path).resolve(), "bin/busybox")
        for name in ("sh", "sleep", "httpd", "cat", "echo", "env", "true", "dd", "nc"):
            entry = tarfile.TarInfo(f"bin/{name}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(entry)
    repository, _, tag = TINY.partition(":")
    client.import_image_from_data(packed.getvalue(), repository=repository, tag=tag, changes=['CMD ["sleep","9999"]'])
