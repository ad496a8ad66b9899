"""Caddy's configuration: written once, read back, and refused when it cannot work."""

import json

import pytest

from actuators.balancers.caddy_config import Frontend, caddy_config, frontends

WEB = Frontend(listen="127.0.0.1:8080", check="127.0.0.1:8081", ports=(9002, 9001))
API = Frontend(listen="127.0.0.1:8090", check="127.0.0.1:8091", ports=range(9100, 9103), host="10.0.0.7")


def test_a_cluster_is_a_server_that_asks_the_check_server_beside_it() -> None:
    config = caddy_config({"shop-web": WEB}, admin="127.0.0.1:2019", root="/state/routed")

    servers = config["apps"]["http"]["servers"]
    (proxy,) = servers["shop-web"]["routes"][0]["handle"]
    known, unknown = servers["check:shop-web"]["routes"]
    assert list(servers) == ["shop-web", "check:shop-web"]
    assert servers["shop-web"]["listen"] == ["127.0.0.1:8080"]
    assert servers["check:shop-web"]["listen"] == [proxy["health_checks"]["active"]["upstream"]] == ["127.0.0.1:8081"]
    assert proxy["upstreams"] == [{"dial": "127.0.0.1:9001"}, {"dial": "127.0.0.1:9002"}]
    assert proxy["health_checks"]["active"]["headers"] == {"X-Member": ["{http.reverse_proxy.active.target_upstream}"]}
    assert proxy["health_checks"]["active"]["interval"] == "250ms"
    assert proxy["load_balancing"]["selection_policy"] == {"policy": "least_conn"}
    assert known["match"][0]["file"]["root"] == "/state/routed/shop-web"
    assert (known["handle"][0]["status_code"], unknown["handle"][0]["status_code"]) == (200, 404)


def test_caddy_keeps_nothing_listens_only_where_told_and_counts_requests() -> None:
    config = caddy_config({"shop-web": WEB}, admin="127.0.0.1:2019", root="/r")

    assert config["admin"] == {"listen": "127.0.0.1:2019", "config": {"persist": False}}
    assert config["apps"]["http"]["metrics"] == {}
    assert all(s["automatic_https"] == {"disable": True} for s in config["apps"]["http"]["servers"].values())


def test_what_was_written_can_be_read_back() -> None:
    written = json.dumps(caddy_config({"shop-web": WEB, "shop-api": API}, admin="127.0.0.1:2019", root="/r"))

    read = frontends(json.loads(written))

    assert {name: (f.listen, f.check, f.addresses()) for name, f in read.items()} == {
        "shop-web": (WEB.listen, WEB.check, ["127.0.0.1:9001", "127.0.0.1:9002"]),
        "shop-api": (API.listen, API.check, ["10.0.0.7:9100", "10.0.0.7:9101", "10.0.0.7:9102"]),
    }


@pytest.mark.parametrize(
    ("other", "error"),
    [
        pytest.param(
            Frontend(listen="127.0.0.1:8080", check="127.0.0.1:1", ports=[1]),
            r"listen: 127\.0\.0\.1:8080 is declared twice",
            id="two clusters at one address",
        ),
        pytest.param(
            Frontend(listen="127.0.0.1:1", check="127.0.0.1:2019", ports=[1]),
            r"listen: 127\.0\.0\.1:2019 is declared twice",
            id="checks where the admin API is",
        ),
        pytest.param(
            Frontend(listen="127.0.0.1:1", check="127.0.0.1:2", ports=[]), "blog: ports: none is declared", id="no port"
        ),
    ],
)
def test_what_cannot_work_is_refused(other: Frontend, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        caddy_config({"shop-web": WEB, "blog": other}, admin="127.0.0.1:2019", root="/r")


@pytest.mark.parametrize("config", [{}, {"apps": []}, {"apps": {"http": {"servers": {"web": {"routes": []}}}}}])
def test_another_configuration_is_not_taken_for_ours(config: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not a Caddy configuration of Pileus"):
        frontends(config)
