"""What the read model says about applications: the trees, and where to look first."""

from dashboards import applications
from dashboards.application_schemas import ApplicationTree, ApplicationView, PartView
from dashboards.fold import apply
from dashboards.model import Model
from streams.records.instance import Phase
from streams.records.member import State
from streams.records.record import Record
from tests import story
from tests.unit.dashboards import deployed
from tests.unit.dashboards.deployed import DB, STUCK

ERP = ("default", "erp")


def folded(*records: Record) -> Model:
    model = Model()
    for record in records:
        apply(model, record)
    return model


def told(*records: Record) -> ApplicationTree:
    tree = applications.application(folded(*records), ERP)
    assert tree is not None
    return tree


def line(*records: Record) -> ApplicationView:
    return told(*records).summary


def part(of: ApplicationTree, path: str) -> PartView:
    """Return the part at a path below the first tree."""
    found = of.trees[0]
    for name in path.split("/"):
        found = next(child for child in found.children if child.id.endswith(f"/{name}"))
    return found


def test_before_there_are_instances_an_application_waits_for_the_decisions_of_all_its_clusters() -> None:
    model = folded(story.a_decision(cluster="shop-web", wanted=3), story.an_instance("shop-db"))
    before = applications.applications(model)
    apply(model, story.a_decision(cluster="shop-db", wanted=2))

    assert [(a.application, a.clusters, a.wanted) for a in before] == [("shop", ["shop-db", "shop-web"], None)]
    assert [(a.wanted, a.phase, a.at) for a in applications.applications(model)] == [(5, None, None)]


def test_the_five_levels_in_a_line() -> None:
    of = line(*deployed.five_levels())

    assert (of.phase, of.at, of.network_partitions) == ("Created", 600.0, ["eu"])
    assert (of.wanted, of.serving) == (16, 4)
    assert (of.parts, of.active, of.waiting) == (12, 2, 5)
    assert len(of.clusters) == 8


def test_the_cause_is_the_part_that_waits_for_nobody() -> None:
    of = line(*deployed.five_levels())

    (cause,) = of.causes
    assert (cause.id, cause.level, cause.phase) == (f"default/erp/eu/{DB}/mysql", "cluster", "Created")
    assert (cause.serving, cause.wanted, of.stuck) == (1, 3, 1)
    assert cause.said == "rack-1: no room for another member"


def test_what_was_lost_comes_before_what_starts_and_the_oldest_first() -> None:
    names = [
        cause.alias
        for cause in line(
            deployed.a_part(phase=Phase.INACTIVE),
            deployed.a_starting("a", at=1.0),
            deployed.a_part("b", phase=Phase.INACTIVE, at=3.0),
            deployed.a_part("c", phase=Phase.INACTIVE, at=2.0),
        ).causes
    ]

    assert names == ["c", "b", "a"]


def test_of_many_causes_the_first_are_listed_and_all_are_counted() -> None:
    of = line(deployed.a_starting(), *(deployed.a_starting(f"c-{i}") for i in range(9)))

    assert (len(of.causes), of.stuck) == (applications.CAUSES, 9)


def test_a_group_without_a_cause_below_is_one_itself() -> None:
    of = line(deployed.a_starting(), deployed.a_starting("g.1", why="no child yet"), deployed.a_waiting("g.1/a", "b"))

    assert [(c.alias, c.said) for c in of.causes] == [("g", "no child yet")]


def test_a_lost_member_says_why_its_cluster_is_inactive() -> None:
    root, web = deployed.a_part(phase=Phase.INACTIVE), deployed.a_part("web", phase=Phase.INACTIVE, at=700.0, why="1/2")
    ended = deployed.a_member_of("web", 2, state=State.TERMINATED, at=701.0, reason="no health for 60 s")
    long_ago = deployed.a_member_of("web", 1, state=State.TERMINATED, at=699.0, reason="scaled in")

    assert line(root, web, ended, long_ago).causes[0].said == "no health for 60 s"
    assert line(root, web, long_ago).causes[0].said == "1/2"


def test_the_tree_has_every_level_down_to_the_members() -> None:
    mysql = part(told(*deployed.five_levels()), f"{DB}/mysql")

    assert (mysql.level, mysql.alias, mysql.phase, mysql.cluster) == ("cluster", "mysql", "Created", "erp-mysql")
    assert (mysql.started, mysql.waiting, mysql.since) == (True, False, {"Created": 600.0})
    assert [(m.member, m.state, m.at, m.partition) for m in mysql.members] == [
        ("erp-mysql-1", "Active", 700.0, "rack-1"),
        ("erp-mysql-2", "Starting", 870.0, "rack-1"),
        ("erp-mysql-3", "Created", 880.0, "rack-1"),
    ]
    assert mysql.members[2].reason == "launch failed, tried again in 30 s"
    assert mysql.trouble is not None
    assert mysql.trouble.reason == "rack-1: no room for another member"


def test_a_group_sums_up_what_is_below_it() -> None:
    tree = told(*deployed.five_levels())

    assert [(part(tree, p).serving, part(tree, p).wanted) for p in ("platform.1", DB)] == [(2, 13), (1, 4)]


def test_what_waits_says_for_whom() -> None:
    tree = told(*deployed.five_levels())

    assert [(p.waiting, p.why) for p in (part(tree, "lb"), part(tree, f"{DB}/replica"))] == [
        (True, "waits for platform"),
        (True, "waits for mysql"),
    ]


def test_a_failure_is_told_of_its_own_instance_while_that_is_not_active() -> None:
    records = [deployed.a_starting(at=600.0), deployed.a_cluster("mysql"), STUCK, deployed.a_failure(STUCK)]
    starts = deployed.a_starting(f"{DB}/mysql")
    parents = [deployed.a_starting(p) for p in ("platform.1", "platform.1/services.1", deployed.STORAGE, DB)]
    seen = {
        "while it starts": starts,
        "before it began to": deployed.a_starting(f"{DB}/mysql", at=901.0),
        "once it is Active": deployed.a_part(f"{DB}/mysql"),
    }

    trouble = {
        when: part(told(*records, *parents, instance), f"{DB}/mysql").trouble is not None
        for when, instance in seen.items()
    }

    assert trouble == {"while it starts": True, "before it began to": False, "once it is Active": False}


def test_the_worst_phase_of_all_network_partitions_is_told_and_one_that_ends_last() -> None:
    def phase(*phases: Phase) -> str | None:
        return line(*(deployed.a_part(root=f"default/erp/np-{i}", phase=p) for i, p in enumerate(phases))).phase

    assert phase(Phase.ACTIVE, Phase.INACTIVE, Phase.CREATED) == "Inactive"
    assert phase(Phase.ACTIVE, Phase.CREATED) == "Created"
    assert phase(Phase.TERMINATING, Phase.ACTIVE) == "Active"
    assert phase(Phase.TERMINATING) == "Terminating"


def test_an_application_that_is_deployed_only_is_known() -> None:
    of = line(deployed.a_deployed(at=600.0))

    assert (of.phase, of.at, of.wanted, of.why) == (None, 600.0, None, applications.NOTHING)


def test_a_request_for_more_room_is_told_until_it_is_withdrawn() -> None:
    asked = line(deployed.a_part(), deployed.a_burst("us", missing=2, why="eu is full")).burst
    none = line(deployed.a_part(), deployed.a_burst(missing=2)).burst

    assert asked is not None
    assert none is not None
    assert (asked.to, asked.missing, asked.why, none.to) == (["us"], {"mysql": 2}, "eu is full", [])
    assert line(deployed.a_part(), deployed.a_burst("us"), deployed.a_burst(missing=0)).burst is None


def test_members_of_no_part_are_told_apart() -> None:
    tree = told(deployed.a_part(), deployed.a_cluster("web"), deployed.a_member_of("web", 1))

    assert [m.member for m in tree.loose] == ["erp-web-1"]


def test_two_tenants_may_use_one_name() -> None:
    model = folded(deployed.a_part(), deployed.a_part(root="acme/erp/eu", phase=Phase.INACTIVE))

    assert [(a.tenant, a.phase) for a in applications.applications(model)] == [
        ("acme", "Inactive"),
        ("default", "Active"),
    ]


def test_what_is_not_known_is_nothing() -> None:
    assert applications.application(Model(), ERP) is None
    assert applications.summary(Model(), ERP, applications.index(Model())) is None
