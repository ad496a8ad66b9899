"""``pileus registry`` with a real registry: what is pushed is listed, pulled by a launch, and still there later."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from actuators.clouds.docker import DockerCloud
from actuators.ports import InvalidRequestError, TransientCloudError
from pileus.cli import main
from streams.records.action import Launch
from tests.brokers import free_port
from tests.clouds import a_place
from tests.engines import TINY, DockerEngine
from tests.waiting import wait_until

UP_S = 20.0


@contextmanager
def registry(state: Path, port: int) -> Iterator[None]:
    """Run a registry."""
    words = [sys.executable, "-m", "pileus", "registry", "up", "--port", str(port), "--state", str(state)]
    with (state / "said").open("wb") as said:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
    try:
        wait_until(lambda: main(["registry", "list", "--port", str(port)]) == 0, within_s=UP_S, what="the registry")
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(UP_S)


async def test_an_image_that_is_pushed_is_listed_and_pulled_by_a_launch(
    docker_engine: DockerEngine,
    program: Callable[..., str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    program("docker-registry", "registry")
    port, engine = free_port(), ["--engine", docker_engine.url]
    name = f"127.0.0.1:{port}/{TINY}"
    cloud = DockerCloud("registry", tmp_path / "docker", url=docker_engine.url)
    client = docker_engine.client()
    try:
        with registry(tmp_path, port):
            assert await asyncio.to_thread(main, ["registry", "push", TINY, "--port", str(port), *engine]) == 0
            assert capsys.readouterr().out == f"{name}\n"
        with registry(tmp_path, port):  # another one, on the same folder
            assert main(["registry", "list", "--port", str(port)]) == 0
            assert capsys.readouterr().out.endswith(f"{name}\n")
            client.remove_image(name)
            launches = (cloud.launch(a_place(f"shop-web-{i}"), Launch(image=name)) for i in range(4))
            assert len({each.instance for each in await asyncio.gather(*launches)}) == 4
            with pytest.raises(InvalidRequestError, match=r"(?i)not found|unknown"):
                await cloud.launch(a_place("shop-web-9"), Launch(image=f"127.0.0.1:{port}/{TINY}9"))
            with pytest.raises(InvalidRequestError, match=r"(?i)not found|unknown|denied"):
                await cloud.launch(a_place("shop-web-9"), Launch(image=f"127.0.0.1:{port}/nothing:1"))
        with pytest.raises(TransientCloudError):
            await cloud.launch(a_place("shop-web-9"), Launch(image=f"127.0.0.1:{port}/nothing:1"))
    finally:
        assert await cloud.destroy_all(0.0) == {}
        cloud.close()
        client.close()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["push"], 2, "push needs IMAGE"),
        (["list", "shop:1"], 2, "list takes no IMAGE"),
        (["list", "--port", "0"], 2, "--port 0"),
        (["push", "pileus-test/none:1"], 1, "pileus-test/none:1"),
        (["list"], 1, "does not answer"),
    ],
    ids=["nothing to push", "a list of one", "no port", "an image that is not there", "no registry"],
)
def test_what_cannot_be_is_said(
    docker_engine: DockerEngine, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    free = [] if "--port" in words else ["--port", str(free_port())]

    assert main(["registry", *words, *free, "--engine", docker_engine.url]) == code
    assert said in capsys.readouterr().err
