"""What every test may ask for: real brokers, programs, the shared folder, ``--accept``; and the rule on skips in CI."""

import contextlib
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
import structlog

from pileus.stack.broker import Broker
from pileus.stack.tansu import start_tansu
from tests.brokers import MissingPartError, free_port, start_kafka
from tests.ec2 import Ec2, running_ec2
from tests.engines import DockerEngine, MissingEngineError, remove_engine, start_engine
from tests.kubernetes_stand_in.site import Cluster, running_cluster

HERE = Path(__file__).resolve().parent
SHARED = HERE.parent.parent / "shared"
IN_CI = os.environ.get("PILEUS_CI") == "1"
REAL_PARTS = {"tansu", "kafka", "broker", "fresh_tansu", "fresh_kafka", "fresh_broker", "program", "shared"}
REAL_PARTS |= {"docker_engine", "ec2", "fresh_docker_engine", "kubernetes"}
"""A test that asks for one of these, or stands in one of the folders below, is an integration test."""
REAL_FOLDERS = (HERE / "integration", HERE / "browser")

# --- options and rules -----------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="rewrite the golden files; review the diff")
    parser.addoption(
        "--long", action="store_true", help="benchmarks at full length: more rounds, all forms on both brokers"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a real part."""
    for item in items:
        wants_part = REAL_PARTS.intersection(getattr(item, "fixturenames", ()))
        if wants_part or any(folder in item.path.parents for folder in REAL_FOLDERS):
            item.add_marker(pytest.mark.integration)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make a skipped integration test a failure in CI, where ``.ci/run`` has installed every part."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail") and item.get_closest_marker("integration"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and PILEUS_CI=1 forbids it: {_reason(report)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Make a whole file that skips itself a failure in CI: what it holds cannot be known."""
    report = yield
    if IN_CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped whole, and PILEUS_CI=1 forbids it: {_reason(report)}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests ran on real parts, and how many could not."""
    stats = {
        kind: sum("integration" in getattr(report, "keywords", ()) for report in terminalreporter.stats.get(kind, ()))
        for kind in ("passed", "failed", "error", "skipped")
    }
    if any(stats.values()):
        ran = stats["passed"] + stats["failed"] + stats["error"]
        terminalreporter.write_line(f"integration tests: {ran} ran, {stats['skipped']} skipped")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return why a test was skipped."""
    return str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)


@pytest.fixture(autouse=True)
def _quiet_logs() -> Iterator[None]:
    """Undo what a command that ran inside a test said about logging."""
    yield
    structlog.reset_defaults()


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def accept(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be rewritten."""
    return bool(request.config.getoption("--accept"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder beside the checkout that holds traces, Stratos' samples and references."""
    if not SHARED.is_dir():
        pytest.skip(f"no folder {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def program() -> Callable[..., str]:
    """Find a program under one of its names, or skip: ``program("chromium", "google-chrome")``."""

    def find(*names: str) -> str:
        paths = [path for name in names if (path := shutil.which(name))]
        if not paths:
            pytest.skip(f"none of {', '.join(names)} is on PATH")
        return paths[0]

    return find


# --- brokers ---------------------------------------------------------------------------------------------------------


def _kafka(directory: Path) -> Broker:
    """Start Apache Kafka, or skip with what is missing."""
    try:
        return start_kafka(directory)
    except MissingPartError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def tansu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A Tansu that all tests share: use topics and groups of your own."""
    broker = start_tansu(free_port(), directory=tmp_path_factory.mktemp("tansu"))
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """An Apache Kafka that all tests share: use topics and groups of your own."""
    broker = _kafka(tmp_path_factory.mktemp("kafka"))
    yield broker
    broker.stop()


@pytest.fixture(scope="session", params=["tansu", "kafka"])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each of the shared brokers in turn."""
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]


@pytest.fixture
def fresh_tansu(tmp_path: Path) -> Iterator[Broker]:
    """A Tansu of this test's own, empty; kill or stop it freely."""
    broker = start_tansu(free_port(), directory=tmp_path / "tansu")
    yield broker
    broker.stop()


@pytest.fixture
def fresh_kafka(tmp_path: Path) -> Iterator[Broker]:
    """An Apache Kafka of this test's own, empty; ``start_kafka(broker.log.parent)`` brings it back with its data."""
    broker = _kafka(tmp_path / "kafka")
    yield broker
    broker.stop()


@pytest.fixture(params=["tansu", "kafka"])
def fresh_broker(request: pytest.FixtureRequest) -> Broker:
    """Each kind of broker in turn, empty: for tests of the ``pileus.*`` topics, whose names are fixed."""
    return request.getfixturevalue(f"fresh_{request.param}")  # type: ignore[no-any-return]


# --- clouds ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def ec2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ec2]:
    """moto's EC2 server, which all tests share: reset it first."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(running_ec2(tmp_path_factory.mktemp("ec2")))
        except MissingPartError as error:
            pytest.skip(str(error))
        yield server


# --- Docker ----------------------------------------------------------------------------------------------------------


def _engine() -> Iterator[DockerEngine]:
    """Start a Docker engine, or skip with what is missing."""
    try:
        engine = start_engine()
    except MissingEngineError as error:
        pytest.skip(str(error))
    yield engine
    remove_engine(engine)


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[DockerEngine]:
    """A Docker engine that all tests share: use stacks and member names of your own."""
    yield from _engine()


@pytest.fixture
def fresh_docker_engine() -> Iterator[DockerEngine]:
    """A Docker engine of this test's own; stop or kill it freely."""
    yield from _engine()


# --- Kubernetes ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def kubernetes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A stand-in for a Kubernetes cluster that all tests share: take a site of your own."""
    with running_cluster(tmp_path_factory.mktemp("kubernetes")) as cluster:
        yield cluster
