"""What a watch makes of what real servers say: restores, floods of 410, connections that are cut, odd events."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from actuators.clouds.kubernetes_watch import PodWatch
from actuators.ports import TransientCloudError
from tests.waiting import wait_until

WITHIN_S = 10.0
Script = Callable[[], Iterator[dict[str, Any]]]


def a_pod(version: int, name: str = "shop-web-1") -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": name, "resourceVersion": str(version), "managedFields": [{}]}}


def error(code: int) -> dict[str, Any]:
    return {"type": "ERROR", "object": {"code": code, "reason": "Said", "message": f"told to say {code}"}}


class Server:
    """Answers lists with one pod, and each watch with the next script; the last one is silent."""

    def __init__(self, *scripts: Script) -> None:
        self.lists = 0
        self.watched: list[str] = []
        """Resource versions that watches began from."""
        self.ended = threading.Event()
        self._scripts = [*scripts, self._silent]

    def pages(self, *_: object, **__: object) -> tuple[list[dict[str, Any]], str]:
        self.lists += 1
        return [a_pod(self.lists)], str(self.lists)

    def lines(self, _: str, *, query: dict[str, str], opened: Callable[[Any], None], **__: object) -> Iterator[Any]:
        self.watched.append(query["resourceVersion"])
        opened(self)
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        yield from script()

    def shutdown(self) -> None:
        self.ended.set()

    def _silent(self) -> Iterator[dict[str, Any]]:
        self.ended.wait(WITHIN_S)
        yield from ()


def says(*events: dict[str, Any]) -> Script:
    return lambda: iter(events)


def breaks(*events: dict[str, Any]) -> Script:
    def script() -> Iterator[dict[str, Any]]:
        yield from events
        raise TransientCloudError("cut")

    return script


def followed(server: Any) -> PodWatch:
    watch = PodWatch(server, "/api/v1/pods", labels="")
    wait_until(lambda: known(watch) == ["shop-web-1"], within_s=WITHIN_S, what="what pods there are")
    return watch


def known(watch: PodWatch) -> list[str]:
    """Return the names of the pods; none while that is not known."""
    try:
        return [each["metadata"]["name"] for each in watch.pods(within_s=WITHIN_S)]
    except TransientCloudError:
        return []


@pytest.mark.parametrize("code", [500, 504], ids=["an object that it cannot read", "a version of the future"])
def test_what_the_server_cannot_go_on_from_is_listed_anew(code: int) -> None:
    server = Server(says(error(code)))
    watch = followed(server)

    wait_until(lambda: server.watched == ["1", "2"], within_s=WITHIN_S, what="a watch from a new list")

    watch.close()


def test_one_410_is_nothing_and_each_further_one_in_a_row_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    told = list[str]()
    monkeypatch.setattr(PodWatch, "_failed", lambda _, why: told.append(str(why)))
    server = Server(*[says(error(410))] * 4)
    watch = followed(server)

    wait_until(lambda: len(server.watched) == 5, within_s=WITHIN_S, what="a watch that lasts")

    assert server.lists == 5
    assert len(told) == 3  # after each of them it waits
    assert all("410" in each for each in told)
    watch.close()


def test_a_connection_that_was_open_for_long_may_be_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actuators.clouds.kubernetes_watch.LASTED_S", 0.0)
    told = list[object]()
    monkeypatch.setattr(PodWatch, "_failed", lambda _, why: told.append(why))
    server = Server(*[breaks({"type": "MODIFIED", "object": a_pod(10 + n)}) for n in range(8)])
    watch = followed(server)

    wait_until(lambda: len(server.watched) == 9, within_s=WITHIN_S, what="all were opened again")

    assert server.lists == 1
    assert told == []
    watch.close()


@pytest.mark.parametrize("event", [{"type": "ADDED"}, {"type": "ADDED", "object": {"metadata": {}}}, []])
def test_an_event_that_is_none_is_told_and_the_watch_goes_on(event: Any) -> None:
    server = Server(says(event))
    watch = followed(server)

    wait_until(lambda: server.watched == ["1", "2"], within_s=WITHIN_S, what="a watch from a new list")

    watch.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_when_nobody_watches_any_more_nothing_is_said() -> None:
    def dies() -> Iterator[dict[str, Any]]:
        raise SystemExit  # the one thing that ends a thread without a word

    server: Any = Server(dies)
    watch = PodWatch(server, "/api/v1/pods", labels="")

    with pytest.raises(TransientCloudError, match="has ended"):
        wait_until(lambda: not watch.pods(within_s=WITHIN_S), within_s=WITHIN_S, what="it is told")


def test_who_has_written_which_field_is_not_kept() -> None:
    server = Server()
    watch = followed(server)

    assert all("managedFields" not in each["metadata"] for each in watch.pods(within_s=WITHIN_S))
    watch.close()
