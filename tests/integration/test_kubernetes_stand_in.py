"""The stand-in for a Kubernetes API server keeps to what the API's documents say, as the official client sees it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3
from kubernetes import client

from tests.kubernetes_stand_in.access import ADMIN, PILEUS
from tests.kubernetes_stand_in.site import IMAGE, Cluster, Site
from tests.waiting import wait_until

HELD: dict[str, Any] = {"schedulingGates": [{"name": "tests/held"}]}


@pytest.fixture
def site(kubernetes: Cluster) -> Iterator[Site]:
    site = kubernetes.site()
    yield site
    site.close()


def a_pod(site: Site, name: str = "one", **spec: Any) -> Any:
    """Create a pod on the site's node."""
    usual = {"nodeSelector": {"kubernetes.io/hostname": site.name}, "containers": [{"name": "m", "image": IMAGE}]}
    body = {"metadata": {"name": name, "labels": {"app": name}}, "spec": usual | spec}
    return site.core.create_namespaced_pod(site.name, body)


def runs(site: Site, name: str = "one") -> bool:
    return bool(site.pods()[name]["status"]["phase"] == "Running")


def ask(
    site: Site, method: str, path: str, body: Any = None, *, token: str = ADMIN, kind: str = "application/json"
) -> tuple[int, Any]:
    """Call without the client; return status and body."""
    headers = {"Content-Type": kind} | ({"Authorization": f"Bearer {token}"} if token else {})
    at = f"{site.cluster.plane.url}{path.replace('NS', f'namespaces/{site.name}')}"
    said = None if body is None else json.dumps(body)
    answer = urllib3.request(method, at, body=said, headers=headers, retries=False, timeout=10)
    try:
        return answer.status, answer.json()
    except ValueError:
        return answer.status, answer.data.decode()


def events(site: Site, query: str) -> list[Any]:
    """Return what a watch of the site's pods says until it ends."""
    _, said = ask(site, "GET", f"/api/v1/NS/pods?watch=true&timeoutSeconds=1&{query}")
    lines = said.splitlines() if isinstance(said, str) else [json.dumps(said)]
    return [json.loads(line) for line in lines]


EMPTY, NAMED_WRONG = {"metadata": {"name": "a"}}, {"metadata": {"name": "A_"}}


@pytest.mark.parametrize(
    ("call", "body", "token", "refusal"),
    [
        pytest.param("GET /api/v1/NS/pods", None, "", "401 Unauthorized", id="no token"),
        pytest.param("GET /api/v1/NS/pods", None, "wrong", "401 Unauthorized", id="a wrong token"),
        pytest.param("GET /api/v1/NS/services", None, PILEUS, "403 Forbidden", id="a verb that no role grants"),
        pytest.param("GET /api/v1/pods", None, PILEUS, "403 Forbidden", id="the whole cluster"),
        pytest.param("PUT /api/v1/NS/pods/one", {}, PILEUS, "403 Forbidden", id="an update in place of a patch"),
        pytest.param("GET /api/v1/NS/pods/none", None, ADMIN, "404 NotFound", id="no such pod"),
        pytest.param("POST /api/v1/namespaces/no/pods", EMPTY, ADMIN, "404 NotFound", id="no such namespace"),
        pytest.param("POST /api/v1/NS/pods", EMPTY, ADMIN, "422 Invalid", id="no container"),
        pytest.param("POST /api/v1/NS/pods", NAMED_WRONG, ADMIN, "422 Invalid", id="a name that is none"),
        pytest.param("POST /api/v1/NS/pods", {"kind": "Service"}, ADMIN, "400 BadRequest", id="another kind"),
        pytest.param("PATCH /api/v1/NS/pods/one", {}, ADMIN, "415 UnsupportedMediaType", id="a patch of no type"),
        pytest.param("GET /api/v1/NS/pods?labelSelector=a%20b", None, ADMIN, "400 BadRequest", id="no selector"),
        pytest.param("GET /api/v1/NS/pods?continue=x", None, ADMIN, "400 BadRequest", id="no page"),
    ],
)
def test_a_refusal_is_a_status(site: Site, call: str, body: Any, token: str, refusal: str) -> None:
    a_pod(site, **HELD)
    method, path = call.split()

    status, said = ask(site, method, path, body, token=token)

    assert f"{status} {said['reason']}" == refusal
    assert (said["kind"], said["status"], said["code"]) == ("Status", "Failure", status)


def test_a_name_is_given_once_and_a_uid_is_never_given_again(site: Site) -> None:
    first = a_pod(site, **HELD)
    with pytest.raises(client.ApiException, match="AlreadyExists") as taken:
        a_pod(site)
    site.core.delete_namespaced_pod("one", site.name)

    assert taken.value.status == 409
    assert a_pod(site, **HELD).metadata.uid != first.metadata.uid


@pytest.mark.parametrize("must", ["uid", "resourceVersion"])
def test_a_deletion_of_another_one_is_a_conflict(site: Site, must: str) -> None:
    a_pod(site, **HELD)

    status, said = ask(site, "DELETE", "/api/v1/NS/pods/one", {"preconditions": {must: "1"}})

    assert (status, said["reason"]) == (409, "Conflict")
    assert list(site.pods()) == ["one"]


@pytest.mark.parametrize("sub", ["", "/scale"])
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_change_of_what_was_changed_meanwhile_is_a_conflict(site: Site, method: str, sub: str) -> None:
    site.create_deployment()
    at, kind = f"/apis/apps/v1/NS/deployments/web{sub}", "application/merge-patch+json"
    _, there = ask(site, "GET", at)
    change = {**there, "spec": {**there["spec"], "replicas": 1}}
    first, _ = ask(site, method, at, change, kind=kind)

    second, said = ask(site, method, at, change, kind=kind)

    assert (first, second, said["reason"]) == (200, 409, "Conflict")


def test_a_pod_on_a_node_ends_in_its_time_and_says_so_meanwhile(site: Site) -> None:
    a_pod(site)
    wait_until(lambda: runs(site), within_s=10, what="it runs")
    site.core.delete_node(site.name)  # nobody is there to end it

    site.core.delete_namespaced_pod("one", site.name, grace_period_seconds=30)
    ending = site.pods()["one"]["metadata"]
    site.core.delete_namespaced_pod("one", site.name, grace_period_seconds=60)

    assert ending["deletionGracePeriodSeconds"] == 30
    assert site.pods()["one"]["metadata"] == ending  # only ever sooner
    site.core.delete_namespaced_pod("one", site.name, grace_period_seconds=0)
    assert site.pods() == {}
    site.core.create_node({"metadata": {"name": site.name}, "status": {"allocatable": {"pods": "0"}}})


def test_a_gate_can_be_taken_away_and_none_put_there(site: Site) -> None:
    a_pod(site, **HELD)
    kind = "application/merge-patch+json"

    gates = {"spec": {"schedulingGates": [{"name": "tests/other"}]}}
    assert ask(site, "PATCH", "/api/v1/NS/pods/one", gates, kind=kind)[0] == 422
    assert "nodeName" not in site.pods()["one"]["spec"]
    assert ask(site, "PATCH", "/api/v1/NS/pods/one", {"spec": {"schedulingGates": None}}, kind=kind)[0] == 200
    wait_until(lambda: runs(site), within_s=10, what="it runs")


def test_pages_are_of_one_state_until_it_is_forgotten(site: Site) -> None:
    for name in ("a", "b", "c"):
        a_pod(site, name, **HELD)
    _, first = ask(site, "GET", "/api/v1/NS/pods?limit=2")
    at = f"/api/v1/NS/pods?limit=2&continue={first['metadata']['continue']}"
    site.core.delete_namespaced_pod("c", site.name)

    _, second = ask(site, "GET", at)
    site.cluster.plane.forget()
    status, said = ask(site, "GET", at)

    assert [each["metadata"]["name"] for each in first["items"] + second["items"]] == ["a", "b", "c"]
    assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]
    assert (status, said["reason"]) == (410, "Expired")


def test_a_watch_with_a_selector_sees_what_enters_changes_and_leaves_it(site: Site) -> None:
    begin = a_pod(site, "other", **HELD).metadata.resource_version
    a_pod(site, "one", **HELD)
    for labels in ({"more": "1"}, {"app": "two"}, {"app": "one"}):
        site.core.patch_namespaced_pod("one", site.name, {"metadata": {"labels": labels}})
    site.core.delete_namespaced_pod("one", site.name)

    said = events(site, f"labelSelector=app%3Done&resourceVersion={begin}&allowWatchBookmarks=true")

    versions = [int(each["object"]["metadata"]["resourceVersion"]) for each in said]
    kinds = [each["type"] for each in said]
    assert kinds[:5] == ["ADDED", "MODIFIED", "DELETED", "ADDED", "DELETED"]
    assert set(kinds[5:]) == {"BOOKMARK"}
    assert versions == sorted(versions)


def test_a_watch_from_a_version_that_is_forgotten_says_gone(site: Site) -> None:
    begin = a_pod(site, **HELD).metadata.resource_version
    a_pod(site, "two", **HELD)
    site.cluster.plane.forget()

    (event,) = events(site, f"resourceVersion={begin}")

    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")


def test_a_replica_set_ends_the_pod_that_costs_least_and_makes_a_successor_of_one_that_goes(site: Site) -> None:
    site.create_deployment(replicas=3)
    wait_until(lambda: len(site.pods()) == 3 and all(runs(site, each) for each in site.pods()), within_s=10, what="3")
    cheap, *dear = site.pods()
    for name in dear:
        cost = {"metadata": {"annotations": {"controller.kubernetes.io/pod-deletion-cost": "10"}}}
        site.core.patch_namespaced_pod(name, site.name, cost)

    site.apps.patch_namespaced_deployment_scale("web", site.name, {"spec": {"replicas": 2}})
    wait_until(lambda: cheap not in site.pods(), within_s=10, what="the cheap one is gone")
    assert list(site.pods()) == dear
    site.core.delete_namespaced_pod(dear[0], site.name)
    wait_until(lambda: len(set(site.pods()) - {cheap, *dear}) == 1, within_s=10, what="a successor")


def test_an_immutable_config_map_stays_as_it_is(site: Site) -> None:
    made = {"metadata": {"name": "stone"}, "immutable": True, "data": {"a": "1"}}
    site.core.create_namespaced_config_map(site.name, made)

    with pytest.raises(client.ApiException, match="immutable") as refused:
        site.core.patch_namespaced_config_map("stone", site.name, {"data": {"a": "2"}})

    assert refused.value.status == 422
