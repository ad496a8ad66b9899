"""The sample application's service, in virtual time, and its settings."""

import asyncio
from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request

from pileus.sample_app import Service, Settings, export, settings

REQUEST = make_mocked_request("GET", "/")


def a_service(*, slots: int = 2, grace_s: float = 8.0) -> Service:
    return Service(Settings(host="127.0.0.1", port=0, service_s=0.25, slots=slots, grace_s=grace_s))


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("requests", "slots", "takes_s"),
    [
        pytest.param(1, 2, 0.25, id="one request takes its service time"),
        pytest.param(2, 2, 0.25, id="as many as slots at the same time"),
        pytest.param(5, 2, 0.75, id="the others wait for a slot"),
    ],
)
async def test_slots(requests: int, slots: int, takes_s: float) -> None:
    loop, service = asyncio.get_running_loop(), a_service(slots=slots)
    start = loop.time()
    answers = await asyncio.gather(*(service._answer(REQUEST) for _ in range(requests)))

    assert {a.status for a in answers} == {200}
    assert loop.time() - start == pytest.approx(takes_s)


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("requests", "grace_s", "takes_s"),
    [
        pytest.param(0, 8.0, 0.0, id="idle: at once"),
        pytest.param(4, 8.0, 0.5, id="busy: when the last one has ended"),
        pytest.param(40, 1.0, 1.0, id="too busy: after the grace time"),
    ],
)
async def test_drain(requests: int, grace_s: float, takes_s: float) -> None:
    loop, service = asyncio.get_running_loop(), a_service(grace_s=grace_s)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(service._answer(REQUEST)) for _ in range(requests)]
        await asyncio.sleep(0)
        start = loop.time()
        await service.drain()

        assert loop.time() - start == pytest.approx(takes_s)
        assert (await service._health(REQUEST)).status == 503
        for task in tasks:
            task.cancel()


@pytest.mark.looptime
async def test_a_request_whose_client_has_gone_gives_its_place_back() -> None:
    loop, service = asyncio.get_running_loop(), a_service(slots=1)
    start = loop.time()
    gone = [asyncio.create_task(service._answer(REQUEST)) for _ in range(10)]
    await asyncio.sleep(0.1)
    for task in gone:
        task.cancel()
    await service._answer(REQUEST)

    assert loop.time() - start == pytest.approx(0.1 + 0.25)


def test_settings_have_defaults() -> None:
    assert settings({}) == Settings(host="127.0.0.1", port=8080, service_s=0.25, slots=10, grace_s=8.0)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        pytest.param("PORT", "70000", r"PORT = 70000: must be in \[0, 65535\]", id="a port too high"),
        pytest.param("SLOTS", "0", r"SLOTS = 0: must be in \[1, 100000\]", id="no slot"),
        pytest.param("SERVICE_S", "nan", "SERVICE_S = nan: must be in", id="not a number"),
        pytest.param("SAMPLE_PROTOCOL", "udp", "SAMPLE_PROTOCOL = 'udp': must be http or tcp", id="no protocol"),
        pytest.param("SAMPLE_EXPORTS", "URL=a hunter2", r"^SAMPLE_EXPORTS: each must be KEY=VALUE$", id="no line"),
        pytest.param("GRACE_S", "long", "GRACE_S = 'long': must be a number", id="a word"),
    ],
)
def test_a_wrong_setting_is_refused(name: str, value: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        settings({name: value})


def test_what_is_exported_says_where_it_listens(tmp_path: Path) -> None:
    file = tmp_path / "exports"
    told = {"SAMPLE_EXPORTS": "URL=http://{host}:{port} USER=shop", "PILEUS_EXPORTS": str(file), "HOST": "127.0.0.2"}
    export(settings(told), port=4711)

    assert file.read_text() == "URL=http://127.0.0.2:4711\nUSER=shop\n"


def test_without_anything_to_export_no_file_is_made(tmp_path: Path) -> None:
    export(settings({"PILEUS_EXPORTS": str(tmp_path / "exports")}), port=1)

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_stops_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export(settings({"SAMPLE_EXPORTS": "A=hunter2", "PILEUS_EXPORTS": str(tmp_path)}), port=1)
    said = capsys.readouterr().out

    assert "WARN cannot export" in said
    assert "hunter2" not in said


async def test_an_answer_names_what_was_imported_and_no_value() -> None:
    given = settings({"IMPORT_DB_URL": "hunter2", "IMPORT_A": "x", "OTHER": "y", "SERVICE_S": "0"})
    answer = await Service(given)._answer(REQUEST)

    assert answer.text == "served\nIMPORT_A\nIMPORT_DB_URL\n"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_requests_with_and_without_a_body_are_work(method: str) -> None:
    service = a_service()
    found = await service.application().router.resolve(make_mocked_request(method, "/"))

    assert found.http_exception is None
    assert found.handler == service._answer
