"""How applications stand: which records count, what the whole of an application is, and the same as JSON."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from config.catalogue import load
from pileus.status import Detail, Known, document, standings
from streams.records.control import Control
from streams.records.instance import Announcement, Deployed, Phase
from streams.records.member import Claim, State
from tests import builders
from tests.builders import an_instance
from tests.unit.config import documents
from tests.unit.pileus.standing import (
    ACTIVE,
    CREATED,
    INACTIVE,
    PLAIN,
    SHOP,
    STARTING,
    TERMINATING,
    a_burst,
    a_member,
    a_place,
    shop,
)

A_FREEZE = Control(tenant="default", paused=True, owner="ada", reason="launch", at=100.0, until=200.0)

# --- which records count ---------------------------------------------------------------------------------------------


def test_of_a_key_the_highest_epoch_counts_then_the_newest() -> None:
    known = Known()
    for epoch, why in ((5, "first"), (5, "second"), (4, "late word of an older decider")):
        known.instance(b"shop", a_place(SHOP, why=why, epoch=epoch))
    (standing,) = known.standings(now=50.0)
    assert standing.roots[0].instance.why == "second"

    known.instance(b"shop", None)
    assert known.standings(now=50.0) == ()


def test_records_of_members_by_an_older_decider_do_not_count() -> None:
    known = Known()
    known.instance(b"root", a_place(SHOP))
    known.instance(b"web", a_place(f"{SHOP}/web"))
    known.roster.apply(a_member("shop-web-1", epoch=3), partition=0, offset=4)
    known.roster.apply(Claim(partition=0, owner="b", at=900.0), partition=0, offset=5)
    known.roster.apply(a_member("shop-web-1", state=State.DRAINING, epoch=3), partition=0, offset=6)
    known.roster.apply(a_member("shop-web-2", epoch=3), partition=1, offset=0)
    (standing,) = known.standings(now=50.0)

    ((web,),) = [root.children for root in standing.roots]
    assert [(m.member, m.state) for m in web.members] == [
        ("shop-web-1", State.ACTIVE),
        ("shop-web-2", State.ACTIVE),
    ]


def test_only_applications_are_declared() -> None:
    known = Known()
    for key in ("application/default/shop", "application/acme.org/shop", "tenant/default/acme.org", "broken"):
        known.declare(key, 7.0)
    known.declare("application/acme.org/crm", 8.0)
    known.declare("application/acme.org/crm", None)
    known.declare("application/acme.org/never", None)

    assert known.declared == {("default", "shop"): 7.0, ("acme.org", "shop"): 7.0}
    assert [s.tenant for s in known.standings(application="shop", now=50.0)] == ["acme.org", "default"]
    assert [s.application for s in known.standings(tenant="default", now=50.0)] == ["shop"]
    assert known.standings(tenant="default", application="crm", now=50.0) == ()


def test_an_application_is_shown_while_something_of_it_is_left() -> None:
    gone = Deployed(tenant="default", application="gone", at=1.0, epoch=1, spec=None)
    over = a_place("default/over/eu-1", Phase.TERMINATED)
    ended = a_member("old-1", "default/old/eu-1/web", State.TERMINATED)
    left = a_member("left-1", "default/left/eu-1/web")
    heard: Announcement = an_instance()

    (standing,) = standings([gone, over, heard], [ended, left], {})
    assert (standing.application, standing.phase) == ("left", None)
    assert [member.member for member in standing.strays] == ["left-1"]


# --- JSON ------------------------------------------------------------------------------------------------------------


def test_json_says_it_all() -> None:
    records, of = STARTING
    told: dict[str, Any] = json.loads(json.dumps(document([shop([*records, a_burst()], of)], detail=Detail.ALL)))

    (application,) = told["applications"]
    (root,) = application.pop("instances")
    db, web, backend = root.pop("instances")
    assert application == {
        "tenant": "default",
        "application": "shop",
        "declared_at": 500.0,
        "phase": "Created",
        "at": 960.0,
        "serving": 4,
        "wanted": 9,
        "left": 5,
        "causes": [f"{SHOP}/db"],
        "pauses": [],
        "burst": {"at": 990.0, "to": ["eu-2"], "missing": {"web": 4}, "why": ""},
        "shadows": [],
        "room": None,
        "strays": [],
    }
    assert (root["level"], db["serving"], db["wanted"], web["left"]) == ("application", 1, 2, 3)
    assert db["members"][1] == {
        "member": "shop-db-2",
        "state": "Starting",
        "at": 988.0,
        "network_partition": "eu-1",
        "partition": "partition-1",
        "on": None,
        "host": "",
        "port": 0,
        "reason": "its minimum",
    }
    assert (backend["phase"], backend["started"], backend["why"]) == ("Created", False, "waits for cartridge.db")
    assert [child["alias"] for child in backend["instances"]] == ["api"]


def test_json_of_what_has_not_begun_has_no_phase() -> None:
    (application,) = document([shop([])], detail=Detail.NONE)["applications"]

    assert (application["phase"], application["at"], application["burst"]) == (None, None, None)
    assert (application["declared_at"], application["instances"]) == (500.0, [])


def test_json_without_members() -> None:
    (application,) = document([shop(*PLAIN)], detail=Detail.NONE)["applications"]

    assert application["instances"][0]["instances"][0]["members"] == []
    assert application["left"] == 3


# --- the whole -------------------------------------------------------------------------------------------------------

PHASES = [
    pytest.param([ACTIVE], ACTIVE, 10.0, id="one"),
    pytest.param([ACTIVE, ACTIVE], ACTIVE, 11.0, id="Active since the last one is"),
    pytest.param([ACTIVE, CREATED, CREATED], CREATED, 11.0, id="not Active while one starts"),
    pytest.param([INACTIVE, CREATED], INACTIVE, 10.0, id="Inactive before all"),
    pytest.param([ACTIVE, TERMINATING], ACTIVE, 10.0, id="what ends does not count while another stays"),
    pytest.param([TERMINATING, TERMINATING], TERMINATING, 10.0, id="all of it ends"),
]


@pytest.mark.parametrize(("phases", "phase", "at"), PHASES)
def test_the_phase_of_several_network_partitions(phases: Sequence[Phase], phase: Phase, at: float) -> None:
    standing = shop(a_place(f"default/shop/np-{i}", each, at=10.0 + i) for i, each in enumerate(phases))

    assert (standing.phase, standing.at) == (phase, at)


def test_what_is_paused_is_told_while_it_is() -> None:
    known = Known()
    known.declare("application/default/shop", 500.0)
    known.orders.take(A_FREEZE)
    (before,) = known.standings(now=50.0)
    (during,) = known.standings(now=150.0)
    (after,) = known.standings(now=200.0)

    assert [len(each.pauses) for each in (before, during, after)] == [0, 1, 0]
    (told,) = document([during], detail=Detail.NONE)["applications"]
    assert told["pauses"] == [
        {"scope": "default", "owner": "ada", "reason": "launch", "at": 100.0, "until": 200.0},
    ]


def test_what_is_used_of_its_room_is_told_once_it_has_begun(tmp_path: Path) -> None:
    (spec,) = load([documents.write(tmp_path, documents.shop())]).applications()
    known = Known()
    known.declare("application/default/shop", 1.0)
    assert [each.room for each in known.standings(now=2.0)] == [None]

    known.instance(b"deployed", Deployed(tenant="default", application="shop", at=1.0, epoch=1, spec=spec))
    member = builders.a_member("shop-front-1", cluster="shop-front", partition="p1")
    known.roster.apply(member, partition=0, offset=0)

    (standing,) = known.standings(now=2.0)
    assert standing.room is not None
    assert [(place.partition, place.members, place.most) for place in standing.room.places] == [
        ("p1", 1, 2),
        ("p2", 0, 2),
    ]
    assert document([standing], detail=Detail.NONE)["applications"][0]["room"]["members"] == 1
