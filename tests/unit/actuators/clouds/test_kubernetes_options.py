"""What properties say about a pod."""

import pytest

from actuators.clouds.kubernetes_options import Workload, options, workload
from actuators.ports import InvalidRequestError
from config.kubernetes_account import KubernetesAccount

ACCOUNT = KubernetesAccount(owner="o", namespace="home", namespaces=("shop-a",), properties={"cpu": "1"})


def test_what_is_said_counts_over_the_account_and_stratos_names_count_too() -> None:
    given = {"cpu": "250m", "KUBERNETES_CONTAINER_MEMORY": "64Mi", "memoryLimit": "1Gi", "nodeSelector": "a.b/c=d, e=f"}

    made = options(ACCOUNT, given, tenant="t")

    assert (made.requests, made.limits) == ({"cpu": "250m", "memory": "64Mi"}, {"cpu": "250m", "memory": "1Gi"})
    assert made.nodes == {"a.b/c": "d", "e": "f"}
    assert made.namespace == "home"
    assert options(ACCOUNT, {}, tenant="t").requests == {"cpu": "1"}


def test_a_namespace_per_tenant() -> None:
    anywhere = KubernetesAccount(owner="o", namespaces=("*",))

    assert options(ACCOUNT, {"namespace": "shop-{tenant}"}, tenant="a").namespace == "shop-a"
    assert options(anywhere, {"namespace": "shop-{tenant}"}, tenant="acme.org").namespace == "shop-acme-org"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cpu", "much"), ("memory", "-1Gi"), ("memoryLimit", "1 Gi"), ("imagePullPolicy", "never"),
        ("imagePullSecrets", "a,B!"), ("serviceAccount", "X"), ("priorityClass", "a/b"), ("nodeSelector", "ssd"),
        ("podSecurity", "baseline"), ("containerPort", "0"), ("containerPort", "x"),
        ("namespace", "shop-b"), ("namespace", "../x"),
        ("workload", "deployments/web"), ("workload", "apps/v1/deployments/../x"), ("workload", "apps/v1/x/w/no"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"property \w+ = "):
        options(ACCOUNT, {name: text}, tenant="t")


@pytest.mark.parametrize(
    ("text", "victim", "by_ordinal"),
    [
        ("apps/v1/deployments/web", "", False),
        ("apps/v1/statefulsets/web", "", True),
        ("argoproj.io/v1alpha1/rollouts/web", "", False),
        ("example.org/v1/things/web", "ordinal", True),
    ],
)
def test_a_workload_is_read_as_it_is_written(text: str, victim: str, by_ordinal: bool) -> None:  # noqa: FBT001 - a table
    made = workload(text, victim)

    group, version, resource, name = text.split("/")
    assert made == Workload(group=group, version=version, resource=resource, name=name, by_ordinal=by_ordinal)
    assert workload(str(made)) == made
