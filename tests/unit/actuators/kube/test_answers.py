"""What the API server's refusals mean, by the words of the real one."""

import json

import pytest

from actuators.kube.answers import MOST_WAIT_S, refused
from actuators.ports import (
    CloudError,
    CredentialsError,
    InvalidRequestError,
    QuotaExceededError,
    TransientCloudError,
)

QUOTA = 'pods "web-1" is forbidden: exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1'
RBAC = 'pods is forbidden: User "pileus" cannot create resource "pods" in API group "" in the namespace "shop"'
SECURITY = 'pods "web-1" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false'
ENDING = 'pods "web-1" is forbidden: unable to create new content in namespace shop because it is being terminated'
WEBHOOK = 'admission webhook "validation.gatekeeper.sh" denied the request: [labels] you must provide labels'
UNUSED = 'pods is forbidden: User "admission webhook" cannot list resource "pods" in API group "" at the cluster scope'
NO_SUCH = 'pods "web-1" is forbidden: error looking up service account shop/{0}: serviceaccount "{0}" not found'
NEW, NO_ACCOUNT = NO_SUCH.format("default"), NO_SUCH.format("builder")
COUNTING = (
    'Operation cannot be fulfilled on resourcequotas "few": the object has been modified; please apply your changes'
)
NAMED_DENIED = 'deployments.apps "web" is forbidden: User "pileus" cannot get resource "deployments/scale" in API group'


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        pytest.param(401, "Unauthorized", CredentialsError, id="nobody"),
        pytest.param(403, RBAC, CredentialsError, id="no right"),
        pytest.param(403, NAMED_DENIED, CredentialsError, id="no right to a named object"),
        pytest.param(403, "<html>proxy</html>", CredentialsError, id="a proxy forbids it"),
        pytest.param(403, QUOTA, QuotaExceededError, id="a quota"),
        pytest.param(403, SECURITY, InvalidRequestError, id="a policy"),
        pytest.param(403, WEBHOOK, InvalidRequestError, id="a policy by a webhook"),
        pytest.param(403, UNUSED, CredentialsError, id="no right, a webhook's name in it"),
        pytest.param(403, ENDING, TransientCloudError, id="the namespace ends"),
        pytest.param(403, NEW, TransientCloudError, id="the namespace is new"),
        pytest.param(403, NO_ACCOUNT, InvalidRequestError, id="no such service account"),
        pytest.param(409, COUNTING, TransientCloudError, id="a quota that is being counted"),
        pytest.param(404, 'namespaces "shop" not found', InvalidRequestError, id="nothing there"),
        pytest.param(409, "the object has been modified", TransientCloudError, id="a conflict"),
        pytest.param(410, "too old resource version", TransientCloudError, id="forgotten"),
        pytest.param(422, "Pod is invalid", InvalidRequestError, id="invalid"),
        pytest.param(429, "too many requests", TransientCloudError, id="too many"),
        pytest.param(500, "etcdserver: request timed out", TransientCloudError, id="its own fault"),
        pytest.param(503, "", TransientCloudError, id="not there"),
    ],
)
def test_a_refusal_is_an_error_by_what_to_do(status: int, message: str, kind: type[CloudError]) -> None:
    error = refused(status, json.dumps({"kind": "Status", "message": message}).encode(), {}).error("create web-1")

    assert type(error) is kind
    assert "create web-1" in str(error)


@pytest.mark.parametrize(
    ("header", "details", "wait_s"),
    [
        ("7", None, 7.0),
        (None, 3, 3.0),
        (None, None, 0.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None, 1.0),
        ("99999", None, MOST_WAIT_S),
    ],
)
def test_how_long_to_leave_it_alone(header: str | None, details: int | None, wait_s: float) -> None:
    body = {"details": {"retryAfterSeconds": details} if details else None}

    answer = refused(429, json.dumps(body).encode(), {"Retry-After": header} if header else {})

    assert answer.retry_after_s == wait_s


def test_only_a_name_that_is_taken_exists() -> None:
    assert refused(409, b'{"reason": "AlreadyExists"}', {}).exists
    assert not refused(409, b'{"reason": "Conflict"}', {}).exists


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff\xfe", b"<html>"])
def test_what_is_no_status_is_told_as_it_is(body: bytes) -> None:
    assert isinstance(refused(502, body, {}).error("look"), TransientCloudError)
