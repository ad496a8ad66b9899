"""What an engine's errors mean to who called the cloud."""

import pytest

from actuators.clouds.docker_engine import Engine, EngineAnswer, failure_in
from actuators.ports import CloudError, InvalidRequestError, OutOfCapacityError, TransientCloudError


@pytest.mark.parametrize(
    ("status", "text", "error"),
    [
        (404, "No such image: shop:9", InvalidRequestError),
        (404, "network shop not found", InvalidRequestError),
        (400, "Minimum memory limit allowed is 6MB", InvalidRequestError),
        (400, 'exec: "nothing": executable file not found in $PATH: unknown', InvalidRequestError),
        (500, 'exec: "nothing": executable file not found in $PATH: unknown', InvalidRequestError),
        (500, "driver failed: Bind for 127.0.0.1:80 failed: port is already allocated", OutOfCapacityError),
        (500, "listen tcp4 127.0.0.1:80: bind: address already in use", OutOfCapacityError),
        (500, "write /x: no space left on device", OutOfCapacityError),
        (500, "fork/exec runc: cannot allocate memory", OutOfCapacityError),
        (500, "Get http://127.0.0.1:5000/v2/: connect: connection refused", TransientCloudError),
        (503, "engine is shutting down", TransientCloudError),
        (409, "removal of container is already in progress", TransientCloudError),
        (408, "request timeout", TransientCloudError),
        (429, "too many requests", TransientCloudError),
    ],
)
def test_errors_are_named_by_what_to_do(status: int, text: str, error: type[CloudError]) -> None:
    found = EngineAnswer(status, text).error("start shop-web-1")

    assert type(found) is error
    assert "start shop-web-1" in str(found)
    assert text in str(found)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("manifest for shop:9 not found: manifest unknown", 404),
        ("pull access denied for shop, repository does not exist", 404),
        ("unexpected EOF", 500),
        ("write /x: no space left on device", 500),
    ],
)
def test_errors_in_the_middle_of_a_pull(said: str, status: int) -> None:
    found = failure_in({"errorDetail": {"message": said}, "error": said})

    assert found is not None
    assert (found.status, found.text) == (status, said)


@pytest.mark.parametrize("said", [{"status": "Pulling"}, {}, "text", None])
def test_what_is_no_error_in_the_middle_of_a_pull(said: object) -> None:
    assert failure_in(said) is None


async def test_an_engine_that_is_not_there_is_away_for_now() -> None:
    engine = Engine("unix:///nowhere/docker.sock")

    with pytest.raises(TransientCloudError, match="nowhere"):
        await engine.has_image("shop:1")
    engine.close()
