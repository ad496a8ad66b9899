"""The fold of instances, applications and requests for more room; and of clusters that are no more."""

import msgspec
import pytest

from dashboards import model as size
from dashboards.fold import Change, apply, take
from dashboards.model import Model
from streams.records.instance import Instance, Level, Phase
from streams.records.record import Record, encode
from tests import story
from tests.unit.dashboards import deployed

ERP = ("default", "erp")
CHANGED = [Change("application", "default/erp")]


def folded(*records: Record) -> Model:
    model = Model()
    for record in records:
        apply(model, record)
    return model


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(deployed.a_part("web"), id="an instance"),
        pytest.param(deployed.a_deployed(), id="that it is deployed"),
        pytest.param(deployed.a_burst("us"), id="a request for more room"),
    ],
)
def test_each_of_these_changes_its_application(record: Record) -> None:
    assert list(apply(Model(), record)) == CHANGED


@pytest.mark.parametrize(
    ("records", "phase"),
    [
        pytest.param([(Phase.CREATED, 7), (Phase.ACTIVE, 7)], Phase.ACTIVE, id="the newest one counts"),
        pytest.param([(Phase.CREATED, 7), (Phase.ACTIVE, 8)], Phase.ACTIVE, id="so does a later decider's"),
        pytest.param([(Phase.ACTIVE, 8), (Phase.CREATED, 7)], Phase.ACTIVE, id="a replaced decider's does not"),
        pytest.param([(Phase.ACTIVE, 8), (Phase.TERMINATED, 7)], Phase.ACTIVE, id="nor does its end"),
        pytest.param([(Phase.ACTIVE, 7), (Phase.TERMINATED, 7)], None, id="what is terminated leaves"),
        pytest.param([(Phase.TERMINATED, 8), (Phase.ACTIVE, 7)], None, id="and an older epoch does not bring it back"),
        pytest.param([(Phase.TERMINATED, 7), (Phase.CREATED, 7)], Phase.CREATED, id="it may be created once more"),
    ],
)
def test_which_record_of_an_instance_counts(records: list[tuple[Phase, int]], phase: Phase | None) -> None:
    model = folded(*(deployed.a_part("web", phase=p, epoch=e) for p, e in records))

    assert [i.phase for i in model.instances.values()] == ([phase] if phase else [])


def test_what_does_not_count_changes_nothing() -> None:
    model = folded(deployed.a_part("web", epoch=8), deployed.a_deployed(epoch=8), deployed.a_burst("us", epoch=8))

    for old in (deployed.a_part("web", epoch=7), deployed.a_deployed(epoch=7), deployed.a_burst("asia", epoch=7)):
        assert apply(model, old) == ()
    assert model.bursts[ERP].to == ("us",)


def test_an_application_is_deployed_until_its_record_says_no_more() -> None:
    model = folded(deployed.a_deployed(), deployed.a_burst("us"))
    before = model.declared[ERP]
    apply(model, deployed.a_deployed(gone=True))
    late = apply(model, deployed.a_deployed(epoch=6))

    assert (before.network_partitions, before.parts) == (("eu", "us"), 1)
    assert (list(model.declared), list(model.bursts), late) == ([], [], ())


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        pytest.param(b"default/erp/eu/web", tuple(CHANGED), id="an instance"),
        pytest.param(b"default/erp", tuple(CHANGED), id="an application"),
        pytest.param(b"default/other", (), id="one that is not known"),
        pytest.param(b"", (), id="nothing"),
    ],
)
def test_a_tombstone_forgets_what_its_key_names(key: bytes, changes: tuple[Change, ...]) -> None:
    model = folded(deployed.a_part("web"), deployed.a_deployed())

    assert take(model, "pileus.instances", key=key, value=None, written_at=1.0) == changes


@pytest.mark.parametrize(
    "instance",
    [
        pytest.param("", id="without a name"),
        pytest.param("default/erp/eu", id="its own parent"),
        pytest.param("default/erp/us/web", id="elsewhere than its parent"),
        pytest.param("default/erp/eu" + "/g.1" * 40, id="too deep"),
    ],
)
def test_an_instance_that_has_no_place_in_a_tree_is_counted_and_no_more(instance: str) -> None:
    model = Model()
    record = msgspec.structs.replace(deployed.a_part("web"), instance=instance)

    assert take(model, "pileus.instances", key=b"", value=encode(record), written_at=1.0) == ()
    assert (model.topics["pileus.instances"].bad, len(model.instances)) == (1, 0)


def test_an_application_without_a_name_is_no_root() -> None:
    nameless = Instance(
        instance="", level=Level.APPLICATION, tenant="", application="", alias="", network_partition="",
        phase=Phase.ACTIVE, at=1.0, epoch=1,
    )  # fmt: skip
    model = Model()
    take(model, "pileus.instances", key=b"", value=encode(nameless), written_at=1.0)

    assert not model.instances


def test_a_cluster_that_is_terminated_disappears_and_what_is_read_late_does_not_bring_it_back() -> None:
    model = folded(story.an_instance(), story.a_forecast(), story.a_report({"shop-web-1": 3}))
    gone = msgspec.structs.replace(story.an_instance(), state="Terminated")
    changes = apply(model, gone)
    for late in (story.a_forecast(), story.a_decision(), story.an_outcome(), story.a_lead_time(), story.a_member()):
        apply(model, late)

    assert changes == (Change("cluster", "shop-web"), Change("application", "default/shop"))
    assert (list(model.clusters), list(model.reports)) == ([], [])
    assert list(model.members) == ["shop-web-1"], "a member that lives is told of all the same"


def test_a_cluster_that_is_announced_anew_is_back() -> None:
    gone = msgspec.structs.replace(story.an_instance(), state="Terminated")
    model = folded(gone, story.an_instance(), story.a_forecast())

    assert len(model.clusters["shop-web"].points) == 1


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    for bound in ("INSTANCES", "APPLICATIONS", "ENDED"):
        monkeypatch.setattr(size, bound, 3)
    model = folded(
        *(deployed.a_part(f"c-{i}") for i in range(5)),
        *(deployed.a_deployed(f"app-{i}") for i in range(5)),
        *(msgspec.structs.replace(deployed.a_burst("us"), application=f"app-{i}") for i in range(5)),
        *(deployed.a_part(f"ended-{i}", phase=Phase.TERMINATED) for i in range(5)),
    )

    assert (len(model.instances), model.overflow) == (3, 2)
    assert [len(model.declared), len(model.bursts), len(model.ended)] == [3, 3, 3]


def test_everything_is_forgotten_when_the_topics_are_read_anew() -> None:
    model = folded(*deployed.five_levels(), deployed.a_burst("us"), deployed.a_part("x", phase=Phase.TERMINATED))
    model.clear()

    assert model == Model()
