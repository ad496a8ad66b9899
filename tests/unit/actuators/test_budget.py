"""Budgets and quotas: reckoned, decided, and never exceeded; they take nobody away."""

import pytest

from actuators.budget import Allowance, Use, cap, use
from actuators.limits import elsewhere
from config.cluster import ClusterSpec, PartitionSpec
from config.tree import ApplicationSpec, BudgetSpec
from streams.records.decision import Code, Decision
from streams.records.member import State
from tests.builders import a_member, a_place, a_policy, a_spec, an_application
from tests.composing import World

CHEAP, DEAR = a_place("p1", max_members=3, price=1.0), a_place("p2", max_members=9, price=2.5)
FREE = (a_place("p1", max_members=50),)


@pytest.mark.parametrize(
    ("counts", "wanted", "expected"),
    [
        pytest.param({}, 0, Use(0, 0.0), id="nothing"),
        pytest.param({"here/p1": 2}, 0, Use(2, 2.0), id="those that are there"),
        pytest.param({"here/p1": 2}, 2, Use(2, 2.0), id="as many as are wanted"),
        pytest.param({"here/p1": 2}, 5, Use(5, 8.0), id="and those to come, where they will go"),
        pytest.param({"here/p2": 2}, 1, Use(2, 5.0), id="more than are wanted"),
        pytest.param({"gone/p9": 1}, 0, Use(1, 0.0), id="in a partition that is not declared any more"),
        pytest.param({}, 99, Use(99, 25.5), id="more than there are places for"),
    ],
)
def test_what_a_cluster_uses(counts: dict[str, int], wanted: int, expected: Use) -> None:
    assert use((CHEAP, DEAR), counts, wanted) == expected


@pytest.mark.parametrize(
    ("limit", "others", "counts", "members"),
    [
        pytest.param(BudgetSpec(members=10), Use(4), {}, 6, id="members that others leave"),
        pytest.param(BudgetSpec(members=3), Use(4), {}, 0, id="others use more than all of it"),
        pytest.param(BudgetSpec(cost_per_hour=8.0), Use(), {}, 5, id="three cheap and two dear for 8"),
        pytest.param(BudgetSpec(cost_per_hour=7.9), Use(), {}, 4, id="a little less is one less"),
        pytest.param(BudgetSpec(cost_per_hour=8.0), Use(9, 5.0), {}, 3, id="what others cost counts"),
        pytest.param(BudgetSpec(cost_per_hour=8.0), Use(), {"here/p2": 3}, 3, id="the dear ones that are there count"),
        pytest.param(BudgetSpec(cost_per_hour=1.0), Use(), {"here/p2": 3}, 3, id="it pays for fewer than there are"),
        pytest.param(BudgetSpec(cost_per_hour=99.0), Use(), {}, 12, id="more than there are places for"),
        pytest.param(BudgetSpec(members=4, cost_per_hour=8.0), Use(), {}, 4, id="both: the fewer"),
        pytest.param(BudgetSpec(), Use(), {}, None, id="no bound"),
        pytest.param(BudgetSpec(cost_per_hour=0.3), Use(0, 0.1 + 0.2), {}, 0, id="nothing is left"),
    ],
)
def test_what_is_left(limit: BudgetSpec, others: Use, counts: dict[str, int], members: int | None) -> None:
    found = cap([("the budget", limit, others)], (CHEAP, DEAR), counts)

    assert (found.members if found else None) == members


def test_an_allowance_counts_what_is_launched() -> None:
    allowance = Allowance([(BudgetSpec(members=6, cost_per_hour=5.0), Use(4, 1.0))])

    assert allowance.allows(DEAR)
    allowance.take(DEAR)
    assert allowance.allows(CHEAP)
    assert not allowance.allows(DEAR)
    allowance.take(CHEAP)
    assert not allowance.allows(CHEAP)
    assert allowance.taken == Use(2, 3.5)


# --- in the decider ---------------------------------------------------------------------------------------------------


def a_cluster(alias: str, *, least: int = 1, places: tuple[PartitionSpec, ...] = FREE, of: str = "shop") -> ClusterSpec:
    name = f"{of}-{alias}"
    policy = a_policy(requests=10.0, tolerance=0.0)
    return a_spec(
        name, alias=alias, min_members=least, max_members=50, policy=policy, partitions=places, application=of
    )


def an_app(*, budget: BudgetSpec | None = None, quota: BudgetSpec | None = None, of: str = "shop") -> ApplicationSpec:
    return an_application(a_cluster("web", of=of), a_cluster("db", of=of), budget=budget, quota=quota)


def counted(world: World) -> list[int]:
    """Return the members of both clusters."""
    return [len(world.of(alias, State.ACTIVE)) for alias in ("web", "db")]


def last(world: World, cluster: str) -> Decision:
    return [r for _, r in world.log if isinstance(r, Decision) and r.cluster == cluster][-1]


def most_at_once(world: World) -> int:
    """Return the most members that were not gone at any time."""
    alive, most = set[str](), 0
    for _, record in world.log:
        if isinstance(record, type(world.members[next(iter(world.members))])):
            (alive.discard if record.state is State.TERMINATED else alive.add)(record.member)
            most = max(most, len(alive))
    return most


def test_the_clusters_of_an_application_share_its_budget_and_it_says_so() -> None:
    world = World(an_app(budget=BudgetSpec(members=10)))
    world.load = {"shop-web": 80.0, "shop-db": 80.0}

    world.tick(60)

    assert sum(counted(world)) == most_at_once(world) == 10
    decision = last(world, "shop-db")
    assert decision.reasons[-1].code is Code.BUDGET
    assert decision.reasons[-1].said == "8 members needed, the application's budget of 10 members leaves 2: 2 now"
    assert decision.otherwise is not None
    assert decision.otherwise.asked == 8


def test_what_one_cluster_gives_back_another_takes() -> None:
    world = World(an_app(budget=BudgetSpec(members=10)))
    world.load = {"shop-web": 80.0, "shop-db": 80.0}
    world.tick(60)
    world.load = {"shop-web": 10.0, "shop-db": 80.0}

    world.tick(120)

    assert counted(world) == [1, 8]
    assert most_at_once(world) == 10


def test_a_budget_that_is_lowered_takes_nobody_away() -> None:
    world = World(an_app())
    world.load = {"shop-web": 80.0, "shop-db": 80.0}
    world.tick(60)

    world.declare(an_app(budget=BudgetSpec(members=5)))
    world.tick(60)
    assert counted(world) == [8, 8]

    world.load = {"shop-web": 20.0, "shop-db": 20.0}
    world.tick(60)
    world.load = {"shop-web": 80.0, "shop-db": 20.0}
    world.tick(60)
    assert counted(world) == [3, 2]


def test_a_budget_of_money_counts_prices() -> None:
    cluster = a_cluster("web", places=(CHEAP, DEAR))
    world = World(an_application(cluster, budget=BudgetSpec(cost_per_hour=6.0)))
    world.load = {"shop-web": 90.0}

    world.tick(60)

    assert len(world.of("web", State.ACTIVE)) == 4
    assert last(world, "shop-web").reasons[-1].said == (
        "9 members needed, the application's budget of 6 per hour leaves 4: 4 now"
    )


def test_the_applications_of_a_tenant_share_its_quota() -> None:
    quota = BudgetSpec(members=9)
    world = World(
        an_application(a_cluster("web"), quota=quota),
        an_application(a_cluster("api", of="other"), quota=quota, application="other"),
    )
    world.load = {"shop-web": 60.0, "other-api": 60.0}

    world.tick(60)

    assert [len(world.of(alias, State.ACTIVE)) for alias in ("web", "api")] == [6, 3]
    assert last(world, "other-api").reasons[-1].said == (
        "6 members needed, tenant default's quota of 9 members leaves 3: 3 now"
    )


def test_what_a_tenant_uses_elsewhere_counts() -> None:
    world = World(an_application(a_cluster("web"), quota=BudgetSpec(members=9)))
    world.decider.elsewhere({"default": Use(7)})
    world.load = {"shop-web": 60.0}

    world.tick(60)

    assert len(world.of("web", State.ACTIVE)) == 2


def test_elsewhere_are_the_members_of_tenants_with_a_quota_outside_this_partition() -> None:
    place = a_place("local", price=2.0)
    specs = [
        an_application(a_spec(partitions=[place]), quota=BudgetSpec(members=9)),
        an_application(a_spec("x-web", tenant="free", application="x", partitions=[place])),
    ]
    members = [
        a_member("shop-web-1"),
        a_member("shop-web-2", state=State.DRAINING),
        a_member("shop-web-3", state=State.TERMINATED),
        a_member("near-web-1", cluster="near-web", application="near"),
        a_member("x-web-1", cluster="x-web", application="x", tenant="free"),
    ]

    found = elsewhere(members, specs, here=lambda tenant, application: (tenant, application) == ("default", "near"))

    assert found == {"default": Use(2, 4.0)}
