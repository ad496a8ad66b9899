"""The application, asked by HTTP."""

import json
from collections.abc import Sequence
from functools import reduce
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Route
from starlette.testclient import TestClient

from dashboards.app import Sources, create_app
from dashboards.fold import apply
from dashboards.live import Live
from dashboards.model import Model
from dashboards.status import Status
from streams.records.record import Record
from tests import judged, story
from tests.unit.dashboards import deployed

STORY = (
    story.an_instance(),
    *(story.a_forecast(995.0 + i) for i in range(6)),
    story.a_decision(),
    story.a_member(),
    story.a_log("<script>alert(1)</script>"),
)
PATHS = [
    "/",
    "/assets/main.js",
    "/assets/plotly.min.js",
    "/api/applications",
    "/api/applications/default/shop",
    "/api/clusters",
    "/api/pauses",
    "/api/clusters/shop-web",
    "/api/clusters/shop-web/series",
    "/api/clusters/shop-web/decisions",
    "/api/members",
    "/api/logs",
    "/api/health",
    "/healthz",
    "/livez",
    "/readyz",
    "/metrics",
    "/openapi.json",
]


def a_client(*records: Record, reachable: bool = True, hosts: Sequence[str] = ("*",)) -> TestClient:
    sources = Sources(Model(), Status("kafka:9092"), Live(), lambda: 1001.0)
    for record in records:
        apply(sources.model, record)
    if reachable:
        sources.status.up(990.0)
        sources.status.caught_up = True
    return TestClient(create_app(sources, hosts=hosts), raise_server_exceptions=False)


@pytest.mark.parametrize("path", PATHS)
def test_everything_is_read_by_get_and_head_and_by_nothing_else(path: str) -> None:
    client = a_client(*STORY)

    assert client.get(path).status_code == 200
    assert client.head(path).status_code == 200
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        refused = client.request(method, path)
        assert (refused.status_code, refused.headers["content-type"]) == (405, "application/problem+json")


def test_every_route_only_reads() -> None:
    routes: Sequence[BaseRoute] = create_app(Sources(Model(), Status("k"), Live(), lambda: 0.0)).routes
    methods = {m for route in routes if isinstance(route, (APIRoute, Route)) for m in route.methods or ()}

    assert len(routes) > 2 * len(PATHS) - 8
    assert methods == {"GET", "HEAD"}
    assert all(isinstance(route, (APIRoute, Route)) for route in routes), "no mount, no socket"


@pytest.mark.parametrize("path", [*PATHS, "/nothing", "/api/clusters/none"])
def test_every_answer_carries_the_security_headers(path: str) -> None:
    headers = a_client(*STORY).get(path).headers

    assert "default-src 'none'" in headers["content-security-policy"]
    assert "script-src 'self';" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == ("no-cache" if path == "/" or path.startswith("/assets") else "no-store")


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        pytest.param("/api/clusters/shop-wep", 404, "no cluster 'shop-wep'; did you mean 'shop-web'?", id="a typo"),
        pytest.param("/api/clusters/zzz/series", 404, "no cluster 'zzz'; known: shop-web", id="a wrong name"),
        pytest.param(
            "/api/applications/default/shp",
            404,
            "no application 'default/shp'; did you mean 'default/shop'?",
            id="a typo in an application",
        ),
        pytest.param("/assets/secret.py", 404, "no file 'secret.py'; known: chart.js", id="a file that is not ours"),
        pytest.param("/nothing/here", 404, "nothing at /nothing/here", id="a path that is not there"),
        pytest.param("/api/logs?limit=0", 422, "query.limit = '0': Input should be greater", id="a number too small"),
        pytest.param("/api/logs?after=x", 422, "query.after = 'x': Input should be a valid integer", id="no number"),
        pytest.param("/api/clusters/shop-web/series?signal=x", 422, "query.signal = 'x'", id="an unknown signal"),
    ],
)
def test_what_is_wrong_is_said_as_a_problem(path: str, status: int, detail: str) -> None:
    answer = a_client(*STORY).get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status
    assert detail in answer.json()["detail"]


def test_a_cluster_asked_for_before_any_is_known() -> None:
    assert a_client().get("/api/clusters/x").json()["detail"] == "no cluster 'x'; no cluster is known yet"


def test_a_fault_of_ours_is_a_problem_too_and_tells_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboards.applications.applications", lambda _: 1 / 0)

    answer = a_client().get("/api/applications")

    assert (answer.status_code, answer.json()["detail"]) == (500, "ZeroDivisionError")


def test_the_lists_are_empty_before_anything_is_known() -> None:
    client = a_client()

    assert [client.get(f"/api/{what}").json() for what in ("applications", "clusters", "members", "logs")] == [[]] * 4


def test_the_series_is_columns_of_equal_length() -> None:
    series = a_client(*STORY).get("/api/clusters/shop-web/series").json()

    assert (series["signal"], series["unit"], series["threshold"]) == ("requests_in_flight", "requests", 5.0)
    assert {len(column) for column in series.values() if isinstance(column, list)} == {12}
    assert series["observed"][:6] == [8.0] * 6
    assert series["forecast"][6:] == [12.0] * 6


def test_another_signal_can_be_asked_for() -> None:
    series = a_client(*STORY).get("/api/clusters/shop-web/series", params={"signal": "load_average"}).json()

    assert (series["signal"], series["threshold"], series["observed"][0]) == ("load_average", None, 68.0)


def test_members_and_logs_can_be_narrowed_down() -> None:
    client = a_client(*STORY, story.a_member("shop-db-1", cluster="shop-db"), story.a_log("other", member="shop-db-1"))

    assert [m["member"] for m in client.get("/api/members?cluster=shop-db").json()] == ["shop-db-1"]
    assert [line["text"] for line in client.get("/api/logs?member=shop-db-1").json()] == ["other"]


def test_an_application_is_told_as_a_tree() -> None:
    client = a_client(*deployed.five_levels())
    (line,) = client.get("/api/applications").json()
    told = client.get("/api/applications/default/erp").json()

    assert told["summary"] == line
    assert (line["phase"], line["causes"][0]["alias"]) == ("Created", "mysql")
    (root,) = told["trees"]
    assert [child["alias"] for child in root["children"]] == ["lb", "monitor", "platform"]
    assert root["children"][0]["why"] == "waits for platform"


def test_names_in_a_path_may_hold_anything_but_a_slash() -> None:
    client = a_client(deployed.a_part(root="a b/<i>ü?#/eu"))

    told = client.get(f"/api/applications/{quote('a b')}/{quote('<i>ü?#')}").json()

    assert (told["summary"]["tenant"], told["summary"]["application"]) == ("a b", "<i>ü?#")


def test_a_hostile_log_line_is_data_and_no_page() -> None:
    answer = a_client(*STORY).get("/api/logs")

    assert answer.headers["content-type"] == "application/json"
    assert answer.json()[0]["text"] == "<script>alert(1)</script>"


def test_it_is_alive_but_not_ready_while_the_broker_is_away() -> None:
    client = a_client(reachable=False)

    assert client.get("/livez").status_code == 200
    assert client.get("/readyz").status_code == 503
    assert client.get("/readyz").json()["detail"] == "broker kafka:9092: the topics are being read"
    assert client.get("/api/health").json()["status"] == "unreachable"


def test_metrics_say_what_they_are() -> None:
    kind = a_client().get("/metrics").headers["content-type"]

    assert kind.startswith("application/openmetrics-text; version=1.0.0")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        pytest.param("127.0.0.1:8080", 200, id="the address"),
        pytest.param("localhost", 200, id="the name"),
        pytest.param("evil.example", 400, id="a foreign name that points here"),
    ],
)
def test_on_a_loopback_address_only_local_names_are_answered(host: str, status: int) -> None:
    client = a_client(hosts=("127.0.0.1", "localhost"))

    assert client.get("/api/clusters", headers={"host": host}).status_code == status


def test_the_page_and_its_parts_are_not_sent_twice() -> None:
    client = a_client()
    first = client.get("/assets/plotly.min.js")

    assert first.headers["content-encoding"] == "gzip"
    again = client.get("/assets/plotly.min.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_part_is_sent_plain_to_who_does_not_know_gzip() -> None:
    answer = a_client().get("/assets/style.css", headers={"accept-encoding": "identity"})

    assert "content-encoding" not in answer.headers
    assert answer.text.startswith("/* One page")


def test_the_interface_is_described() -> None:
    described: dict[str, Any] = a_client().get("/openapi.json").json()

    assert described["openapi"].startswith("3.1")
    of_one = {"shop-web": "{cluster}", "default/shop": "{tenant}/{application}"}
    expected = {reduce(lambda path, names: path.replace(*names), of_one.items(), p) for p in PATHS[3:-1]}
    assert set(described["paths"]) == expected | {"/events"}
    assert {method for path in described["paths"].values() for method in path} == {"get"}
    bare = [path for path, of in described["paths"].items() if not of["get"].get("description")]
    assert not bare
    assert "predicted" not in json.dumps(described["components"]), "the word is forecast"


def test_the_events_can_be_looked_at_without_listening() -> None:
    assert a_client().head("/events").headers["content-type"].startswith("text/event-stream")


def test_a_decision_comes_with_its_gates_and_what_else_it_would_be() -> None:
    decision = judged.step_limited()
    client = a_client(decision)

    (told,) = client.get(f"/api/clusters/{decision.cluster}/decisions").json()
    newest = client.get(f"/api/clusters/{decision.cluster}").json()["newest"]

    assert told == newest
    assert [gate["gate"] for gate in told["gates"] if gate["bites"]] == ["Step"]
    assert {"asked", "binding", "until", "more_above", "fewer_below"} == set(told["otherwise"])


def test_what_is_paused_is_listed() -> None:
    client = a_client(story.an_order("shop"), story.an_order("api", until=1000.0))

    (pause,) = client.get("/api/pauses").json()
    assert (pause["scope"], pause["owner"], pause["reason"], pause["until"]) == (
        "default/shop",
        "ada",
        "migration",
        8200.0,
    )
