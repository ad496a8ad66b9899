"""A balancer of anybody's: what a program does that ends, hangs, lies or forgets, and what comes of it."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from actuators.balancers.external import ExternalBalancer
from actuators.balancers.external_file import External, read
from actuators.balancers.external_program import Program
from actuators.balancers.external_wire import Answer, Request
from actuators.circuit import FAILURES
from actuators.ports import BalancerError, Target

WEB, API = "shop-web", "shop-api"
TARGETS = [Target(member=f"web-{i}", host=f"10.0.0.{i}", port=8080, instance=f"i-{i}") for i in range(3)]
SCHEMAS = Path(__file__).resolve().parents[4] / "docs" / "schema"

PROGRAM = """
import json, os, sys, time
applied, desired = {}, {}
for line in sys.stdin:
    request = json.loads(line)
    with open("log", "a") as log:
        log.write(json.dumps(request | {"pid": os.getpid()}) + "\\n")
    mode, cluster = open("mode").read(), request["cluster"]
    if mode == "die": sys.exit(3)
    if mode == "hang": time.sleep(60)
    if request["desired"] is not None and mode != "refuse":
        applied[cluster], desired[cluster] = request["generation"], request["desired"]
    if mode == "forget": applied, desired = {}, {}
    backends = [{**each, "routed": True, "in_flight": 0} for each in desired.get(cluster, [])]
    answer = {"version": 1, "id": request["id"], "applied": applied.get(cluster), "backends": backends}
    answer |= {"in_flight": 0, "count": 0, "refused": ["no room"] if mode == "refuse" else []}
    answer |= json.loads(mode) if mode[:1] == "{" else {}
    print(mode if mode == "nonsense" else json.dumps(answer), flush=True)
    if mode == "close": os.close(1); time.sleep(60)
"""


class Site:
    """A program that does what it is told, and the adapter that drives it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "program.py").write_text(PROGRAM)
        self.does("well")
        given = {
            "command": [sys.executable, "-I", "-S", "program.py"],
            "clusters": {WEB: "", API: ""},
            "timeout_s": 5.0,
        }
        (directory / "external.json").write_text(json.dumps(given))
        self.balancer = ExternalBalancer(directory)

    def does(self, what: str | dict[str, Any]) -> None:
        """Say how it behaves from the next request on; a document stands in its answer."""
        (self.directory / "mode").write_text(what if isinstance(what, str) else json.dumps(what))

    def requests(self) -> list[dict[str, Any]]:
        """Return what it was asked."""
        log = self.directory / "log"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def served(self) -> "Service":
        """Return a service instead of the program, that answers as it does."""
        return Service(self)

    def told(self) -> list[tuple[str, int]]:
        """Return how often it was told who is wanted: cluster and number, in order."""
        return [(each["cluster"], len(each["desired"])) for each in self.requests() if each["desired"] is not None]

    def hurry(self) -> None:
        """Let answers take a fifth of a second at most."""
        self.balancer._given = External(
            command=self.balancer._given.command, clusters={WEB: "", API: ""}, timeout_s=0.2
        )


class Service:
    """The program behind HTTP; ``status`` is what it answers with."""

    def __init__(self, site: Site) -> None:
        self.status = 200
        self._program = Program(site.balancer._given.command, site.directory)
        self._program.start()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                line = self.rfile.read(int(self.headers["Content-Length"]))
                said = outer._program.ask(line, 5.0)
                self.send_response(outer.status)
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        (site.directory / "external.json").write_text(json.dumps({"url": url, "clusters": {WEB: "", API: ""}}))
        site.balancer = ExternalBalancer(site.directory)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()
        self._program.end()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.does("well")
    site.balancer.close()


async def test_what_is_said_is_what_the_schemas_say(site: Site) -> None:
    await site.balancer.apply(WEB, TARGETS)
    traffic = await site.balancer.traffic(WEB)

    request = json.loads((SCHEMAS / "balancer-request.json").read_text())
    for each in site.requests():
        pid = each.pop("pid")
        assert pid
        jsonschema.validate(each, request)
    assert [each["desired"] and len(each["desired"]) for each in site.requests()] == [3, None]
    answer = {
        "version": 1,
        "id": 1,
        "applied": 1,
        "backends": [{"member": "a", "host": "h", "port": 1, "routed": True}],
    }
    jsonschema.validate(answer, json.loads((SCHEMAS / "balancer-answer.json").read_text()))
    assert [(s.target, s.target.instance, s.routed) for s in traffic.targets] == [
        (t, t.instance, True) for t in TARGETS
    ]


async def test_before_anybody_is_wanted_the_program_is_only_asked(site: Site) -> None:
    await site.balancer.traffic(WEB)

    assert [(each["desired"], each["generation"]) for each in site.requests()] == [(None, 0)]


async def test_a_generation_grows_with_a_change_and_not_with_its_repetition(site: Site) -> None:
    for targets in (TARGETS, TARGETS, TARGETS[:1]):
        await site.balancer.apply(WEB, targets)

    assert [each["generation"] for each in site.requests()] == [1, 1, 2]


@pytest.mark.parametrize("fault", ["die", "nonsense", "close"])
async def test_a_program_that_ends_or_talks_nonsense_is_started_again_and_told_everything(
    site: Site, fault: str
) -> None:
    await site.balancer.apply(WEB, TARGETS)
    await site.balancer.apply(API, TARGETS[:1])
    site.does(fault)
    if fault == "close":
        await site.balancer.traffic(WEB)  # it answers once more
    with pytest.raises(BalancerError, match=r"does not answer|is refused"):
        await site.balancer.traffic(WEB)
    before = len(site.told())
    site.does("well")

    traffic = await site.balancer.traffic(WEB)

    assert [state.target for state in traffic.targets] == TARGETS
    assert sorted(site.told()[before:]) == [(API, 1), (WEB, 3)]
    assert len({each["pid"] for each in site.requests()}) == 2


async def test_a_program_that_hangs_is_ended_in_time(site: Site) -> None:
    await site.balancer.apply(WEB, TARGETS)
    site.hurry()
    site.does("hang")
    with pytest.raises(BalancerError, match="does not answer: no answer in time"):
        await site.balancer.traffic(WEB)
    assert not site.balancer._program.alive


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param({"version": 2}, "version", id="another version"),
        pytest.param({"in_flight": -1}, "in_flight", id="fewer than no requests"),
        pytest.param({"count": "many"}, "count", id="no number"),
        pytest.param({"backends": None}, "neither backends nor an error", id="nothing said"),
        pytest.param(
            {"backends": [{"member": "a", "host": "h", "port": 1, "routed": True}] * 2},
            "backends has a more than once",
            id="a member twice",
        ),
        pytest.param({"backends": [{"member": "a", "routed": True}]}, "host", id="a member without an address"),
    ],
)
async def test_a_bad_answer_is_refused_and_counted_and_the_program_goes_on(
    site: Site, answer: dict[str, Any], said: str
) -> None:
    await site.balancer.apply(WEB, TARGETS)
    site.does(answer)
    for times in (1, 2):
        with pytest.raises(BalancerError, match=f"an answer is refused \\({times} so far\\).*{said}"):
            await site.balancer.traffic(WEB)
    site.does("well")

    assert len((await site.balancer.traffic(WEB)).targets) == 3
    assert len({each["pid"] for each in site.requests()}) == 1


async def test_an_answer_to_another_question_is_no_answer(site: Site) -> None:
    site.does({"id": 0})
    with pytest.raises(BalancerError, match="id = 0: must be the request's, 1"):
        await site.balancer.traffic(WEB)

    assert not site.balancer._program.alive


async def test_a_service_is_asked_by_http_and_told_everything_after_it_failed(site: Site) -> None:
    service = site.served()
    try:
        await site.balancer.apply(WEB, TARGETS)
        await site.balancer.apply(API, TARGETS[:1])
        service.status = 503
        with pytest.raises(BalancerError, match=r"127\.0\.0\.1.* does not answer: HTTP Error 503"):
            await site.balancer.traffic(WEB)
        service.status, before = 200, len(site.told())

        assert [state.target for state in (await site.balancer.traffic(WEB)).targets] == TARGETS
        assert sorted(site.told()[before:]) == [(API, 1), (WEB, 3)]
    finally:
        service.close()
    with pytest.raises(BalancerError, match=r"does not answer: .*refused"):
        await site.balancer.traffic(WEB)


async def test_what_the_balancer_cannot_tell_is_unknown_and_not_zero(site: Site) -> None:
    site.does({"in_flight": None, "count": None})

    traffic = await site.balancer.traffic(WEB)
    assert (traffic.in_flight, traffic.count) == (None, None)


async def test_an_error_that_it_tells_is_told_and_ends_nothing(site: Site) -> None:
    site.does({"error": "the disk is full", "backends": None})
    for _ in range(2 * FAILURES):
        with pytest.raises(BalancerError, match="external: the disk is full"):
            await site.balancer.traffic(WEB)

    assert len({each["pid"] for each in site.requests()}) == 1


async def test_what_it_does_not_apply_is_an_error(site: Site) -> None:
    site.does("refuse")

    with pytest.raises(BalancerError, match="shop-web: no room; generation 1 is not applied, but None"):
        await site.balancer.apply(WEB, TARGETS)


async def test_one_that_has_forgotten_who_is_wanted_is_told_again(site: Site) -> None:
    await site.balancer.apply(WEB, TARGETS)
    site.does("forget")
    with pytest.raises(BalancerError):
        await site.balancer.apply(WEB, TARGETS)
    site.does("well")

    assert len((await site.balancer.traffic(WEB)).targets) == 3


async def test_one_that_fails_again_and_again_is_left_alone_for_a_while(site: Site) -> None:
    site.does("die")
    for _ in range(FAILURES):
        with pytest.raises(BalancerError, match="ended with 3"):
            await site.balancer.traffic(WEB)
    asked = len(site.requests())
    for _ in range(10):
        with pytest.raises(BalancerError, match=f"failed {FAILURES} times in a row, rests"):
            await site.balancer.traffic(WEB)

    assert len(site.requests()) == asked == FAILURES


async def test_one_that_ends_after_each_answer_is_not_started_without_end(site: Site) -> None:
    for _ in range(5):
        await site.balancer.traffic(WEB)
        site.balancer._program.end(0.0)

    with pytest.raises(BalancerError, match="started 5 times at once"):
        await site.balancer.traffic(WEB)
    assert len({each["pid"] for each in site.requests()}) == 5


async def test_a_target_that_is_no_address_is_refused_and_the_others_are_told(site: Site) -> None:
    with pytest.raises(BalancerError, match="is no IP address"):
        await site.balancer.apply(WEB, [*TARGETS, Target(member="web-9", host="`reboot`", port=1)])

    assert site.told() == [(WEB, 3)]


async def test_closing_ends_the_program(site: Site) -> None:
    await site.balancer.traffic(WEB)
    site.balancer.close()

    assert not site.balancer._program.alive


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda file: file.unlink(), id="none"),
        pytest.param(lambda file: file.write_text("{"), id="no JSON"),
        pytest.param(lambda file: file.write_text('{"command": [], "clusters": {}}'), id="no command"),
        pytest.param(lambda file: file.write_text('{"url": "file:///etc", "clusters": {}}'), id="no address of HTTP"),
        pytest.param(lambda file: file.write_text('{"command": ["x"], "clusters": {}, "x": 1}'), id="an unknown key"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(site: Site, spoil: Callable[[Path], None]) -> None:
    spoil(site.directory / "external.json")

    with pytest.raises(BalancerError, match=r"cannot read .*external\.json"):
        read(site.directory)


async def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "external.json").write_text('{"command": ["/nowhere/lb"], "clusters": {"shop-web": ""}}')

    with pytest.raises(BalancerError, match="/nowhere/lb does not answer: cannot start"):
        await ExternalBalancer(tmp_path).traffic(WEB)


def test_records_and_schemas_are_of_one_version() -> None:
    for record, name in ((Request, "balancer-request"), (Answer, "balancer-answer")):
        schema = json.loads((SCHEMAS / f"{name}.json").read_text())
        assert set(schema["$defs"][record.__name__]["properties"]) == set(record.__struct_fields__)
