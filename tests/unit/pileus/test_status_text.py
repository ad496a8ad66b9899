"""How applications stand, drawn: exact text in every width, why something is not Active, what changed."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from pileus.status import Detail, Standing, causes, standings
from pileus.status_text import age, because, facts, news, summary, text, within
from pileus.view import Look
from streams.records.control import Pause
from streams.records.member import State
from tests.unit.pileus.standing import (
    CREATED,
    ENDING,
    INACTIVE,
    NOW,
    PLAIN,
    SHOP,
    STARTING,
    TWO_PLACES,
    a_burst,
    a_member,
    a_place,
    members,
    shop,
)

WIDE = Look(width=100)


def drawn(
    *shown: Standing, detail: Detail = Detail.NOTABLE, look: Look = WIDE, now: float = NOW, note: str = ""
) -> str:
    return "\n".join(text(shown, now=now, detail=detail, look=look, note=note))


TREES = [
    pytest.param(
        shop(*PLAIN),
        """\
application shop (default)  Active  since 3m  3 of 3 members serve
└─ web  cluster  Active  3m  3 of 3 serve""",
        id="members that serve are counted",
    ),
    pytest.param(
        shop(*STARTING),
        """\
application shop (default)  Created  since 40s  4 of 9 members serve
├─ db            cluster  Created   40s  1 of 2 serve
│  └─ shop-db-2           Starting  12s  partition-1   its minimum
├─ web           cluster  Active    30s  3 of 3 serve
└─ backend.1     group    Created   40s  waits for cartridge.db
   └─ api        cluster  Created   40s  waits for backend.1""",
        id="what starts shows what it waits for",
    ),
    pytest.param(
        shop(*ENDING, declared=False),
        """\
application shop (default)  Terminating  since 20s  3 members left
│  its definition is gone
├─ db             cluster  Terminating  20s  2 members left  waits for web to end
├─ api            cluster  Terminating  20s  no member left  db is Inactive, then starts anew
└─ web            cluster  Terminating  20s  1 member left
   └─ shop-web-9           Draining     15s  partition-1""",
        id="what ends shows what is left",
    ),
    pytest.param(
        shop(*TWO_PLACES),
        """\
application shop (default)  Created  since 5s  2 of 3 members serve
├─ in eu-1           Active   15m  2 of 2 serve
│  └─ web   cluster  Active   15m  2 of 2 serve
└─ in us-1           Created  5s   0 of 1 serve  eu-1 is full
   └─ web   cluster  Created  5s   0 of 1 serve""",
        id="several network partitions have a row each",
    ),
    pytest.param(
        shop([*PLAIN[0], a_burst()], PLAIN[1]),
        """\
application shop (default)  Active  since 3m  3 of 3 members serve
│  asks for eu-2: needs 4 more of web
└─ web  cluster  Active  3m  3 of 3 serve""",
        id="a burst request stands above the tree",
    ),
    pytest.param(
        shop([a_burst((), {"web": 4, "api": 1}, "eu-1 is the last")]),
        """\
application shop (default)  declared, not begun  since 8m
   does 'pileus actuate' run?
   finds no other network partition: needs 1 more of api, 4 more of web (eu-1 is the last)""",
        id="a burst request that nobody can grant",
    ),
    pytest.param(
        shop([*PLAIN[0], a_burst((), {})], PLAIN[1]),
        """\
application shop (default)  Active  since 3m  3 of 3 members serve
└─ web  cluster  Active  3m  3 of 3 serve""",
        id="a burst request withdrawn",
    ),
    pytest.param(
        shop([a_place(SHOP), a_place(f"{SHOP}/web", wanted=1, why="scales in")], members(2), declared=False),
        """\
application shop (default)  Active  since 3m  2 members serve, 1 wanted
│  no longer declared
└─ web  cluster  Active  3m  2 serve, 1 wanted  scales in""",
        id="more serve than are wanted",
    ),
    pytest.param(
        shop(PLAIN[0], [*members(3), a_member("shop-old-1", f"{SHOP}/old", at=100.0)]),
        """\
application shop (default)  Active  since 3m  3 of 3 members serve
├─ web             cluster  Active  3m   3 of 3 serve
└─ in no instance                        1 member
   └─ shop-old-1            Active  15m  partition-1""",
        id="members of no instance are not lost",
    ),
]


@pytest.mark.parametrize(("standing", "lines"), TREES)
def test_a_tree(standing: Standing, lines: str) -> None:
    assert drawn(standing) == lines


def test_what_is_paused_stands_above_the_tree() -> None:
    def a_pause(scope: str) -> Pause:
        return Pause(scope=scope, owner="ada", reason="migration", at=900.0, until=8100.0)

    paused = replace(shop(*PLAIN), pauses=tuple(map(a_pause, ("default", "default/shop", "default/shop/web"))))

    assert (
        drawn(paused)
        == """\
application shop (default)  Active  since 3m  3 of 3 members serve
│  all of default is paused until 02:15:00Z by ada: migration
│  paused until 02:15:00Z by ada: migration
│  web is paused until 02:15:00Z by ada: migration
└─ web  cluster  Active  3m  3 of 3 serve"""
    )
    told = facts([paused], detail=Detail.NONE)
    assert (
        told["default/shop pause default/shop/web"]
        == "default/shop  application  web is paused until 02:15:00Z by ada: migration"
    )
    assert "default/shop pause default  gone" in news(told, facts([shop(*PLAIN)], detail=Detail.NONE))


@pytest.mark.parametrize(
    ("declared_at", "lines"),
    [
        pytest.param(970.0, ["declared, not begun  since 30s"], id="just declared"),
        pytest.param(900.0, ["declared, not begun  since 1m", "   does 'pileus actuate' run?"], id="for too long"),
    ],
)
def test_an_application_that_has_not_begun(declared_at: float, lines: Sequence[str]) -> None:
    (standing,) = standings([], [], {("acme.org", "crm"): declared_at})

    first, *others = lines
    assert drawn(standing).splitlines() == [f"application crm (acme.org)  {first}", *others]


ALL_MEMBERS = """\
application shop (default)  Created  since 40s  4 of 9 members serve
├─ db             cluster  Created   40s  1 of 2 serve
│  ├─ shop-db-1            Active    3m   partition-1
│  └─ shop-db-2            Starting  12s  partition-1   its minimum
├─ web            cluster  Active    30s  3 of 3 serve  its minimum
│  ├─ shop-web-1           Active    3m   partition-1
│  ├─ shop-web-2           Active    3m   partition-1
│  └─ shop-web-3           Active    3m   partition-1
└─ backend.1      group    Created   40s  waits for cartridge.db
   └─ api         cluster  Created   40s  waits for backend.1"""
NO_MEMBERS = """\
application shop (default)  Created  since 40s  4 of 9 members serve
├─ db         cluster  Created  40s  1 of 2 serve
├─ web        cluster  Active   30s  3 of 3 serve
└─ backend.1  group    Created  40s  waits for cartridge.db
   └─ api     cluster  Created  40s  waits for backend.1"""
NARROW = """\
application shop (default)  Created  since 40s  4 of 9 m...
|- db            cluster  Created   40s  1 of 2 serve
|  `- shop-db-2           Starting  12s  partition-1
|        its minimum
|- web           cluster  Active    30s  3 of 3 serve
`- backend.1     group    Created   40s
   |  waits for cartridge.db
   `- api        cluster  Created   40s
         waits for backend.1"""
TINY = """\
application shop (…
├─ db            c…
│  └─ shop-db-2   …
│        its
│        minimum
├─ web           c…
└─ backend.1     g…
   │  waits for
   │  cartridge.db
   └─ api        c…
         waits for
         backend.1"""


@pytest.mark.parametrize(
    ("detail", "look", "lines"),
    [
        pytest.param(Detail.ALL, WIDE, ALL_MEMBERS, id="every member, and why"),
        pytest.param(Detail.NONE, WIDE, NO_MEMBERS, id="no member"),
        pytest.param(Detail.NOTABLE, Look(width=59, unicode=False), NARROW, id="narrow and without Unicode"),
        pytest.param(Detail.NOTABLE, Look(width=19), TINY, id="far too narrow"),
    ],
)
def test_a_look(detail: Detail, look: Look, lines: str) -> None:
    assert drawn(shop(*STARTING), detail=detail, look=look) == lines


@pytest.mark.parametrize("width", [1, 2, 7, 30, 61, 80, 200])
@pytest.mark.parametrize("unicode", [True, False])
def test_no_line_is_wider_than_the_terminal(*, width: int, unicode: bool) -> None:
    shown = [shop(*STARTING), shop(*ENDING), shop(*TWO_PLACES)]
    lines = text(shown, now=NOW, detail=Detail.ALL, look=Look(width=width, unicode=unicode), note="all is old")

    assert max(map(len, lines)) <= width
    assert unicode or "".join(lines).isascii()
    assert all(line == line.rstrip() for line in lines)


def test_a_reason_is_whole_in_every_width_that_holds_its_words() -> None:
    why = "no room in partition-1 and none in partition-2"
    standing = shop([a_place(SHOP, CREATED), a_place(f"{SHOP}/web", CREATED, wanted=1, why=why)])

    for width in range(30, 120):
        said = " ".join(drawn(standing, look=Look(width=width)).splitlines()[1:]).split()
        assert [word for word in said if word in why.split()] == why.split()


def test_a_long_reason_stands_beside_its_row_on_two_lines() -> None:
    why = "no room in partition-1 and none in partition-2"
    rows = [a_place(SHOP, CREATED), a_place(f"{SHOP}/web", CREATED, wanted=1, why=why), a_place(f"{SHOP}/api")]

    assert drawn(shop(rows), look=Look(width=76)).splitlines()[1:] == [
        "├─ api  cluster  Active   3m  0 of 0 serve",
        "└─ web  cluster  Created  3m  0 of 1 serve  no room in partition-1 and none",
        "                                            in partition-2",
    ]


def test_a_text_from_outside_stays_on_its_line() -> None:
    late = a_member("shop-web-1", state=State.STARTING, reason="\x1b[2Jno\nroom\there")

    assert drawn(shop(PLAIN[0], [late])).splitlines()[-1].endswith("partition-1   [2Jno room here")


def test_a_name_from_outside_stays_on_its_line() -> None:
    assert (
        drawn(shop(PLAIN[0], [a_member("a\x1bb\nc", state=State.STARTING)]))
        .splitlines()[-1]
        .startswith("   └─ a b c  ")
    )
    assert "\x1b" not in "".join(facts([shop(PLAIN[0], [a_member("a\x1bb")])], detail=Detail.ALL).values())


def test_colours_are_only_added() -> None:
    plain = drawn(shop(*STARTING), look=Look(width=59))
    coloured = drawn(shop(*STARTING), look=Look(width=59, colour=True))

    assert "\x1b" not in plain
    assert "\x1b[33mCreated\x1b[0m" in coloured
    assert "\x1b[32mActive  \x1b[0m" in coloured
    for code in ("0", "1", "2", "32", "33"):
        coloured = coloured.replace(f"\x1b[{code}m", "")
    assert coloured == plain


def test_several_applications_end_with_their_number() -> None:
    other, new = standings([a_place("acme.org/crm/eu-1", INACTIVE)], [], {("default", "new"): 999.0})
    lines = drawn(new, shop(*PLAIN), other, note="all is old").splitlines()

    assert [line for line in lines if line.startswith("application")] == [
        "application crm (acme.org)  Inactive  since 3m  0 of 0 members serve",
        "application new (default)  declared, not begun  since 1s",
        "application shop (default)  Active  since 3m  3 of 3 members serve",
    ]
    assert lines[-3:] == ["", "all is old", "3 applications: 1 Inactive (crm), 1 not begun (new), 1 Active"]
    assert drawn() == "no application"


def test_a_summary_names_a_few() -> None:
    shown = standings([a_place(f"default/app-{i}/eu-1", CREATED) for i in range(5)], [], {})

    assert summary(shown) == "5 applications: 5 Created (app-0, app-1, app-2 and 2 more)"


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        pytest.param(5, ["a", "b", "c", "d", "e"], id="all fit"),
        pytest.param(4, ["a", "b", "... 2 lines more: name an APPLICATION, or --no-members", "e"], id="one too many"),
        pytest.param(1, ["e"], id="one row"),
        pytest.param(0, ["e"], id="no row at all"),
    ],
)
def test_a_page_fits_a_terminal(rows: int, kept: Sequence[str]) -> None:
    assert within(["a", "b", "c", "d", "e"], rows, WIDE) == kept


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5.0, "0s"),
        (0.0, "0s"),
        (59.9, "59s"),
        (60.0, "1m"),
        (3599.0, "59m"),
        (7199.0, "119m"),
        (7200.0, "2h"),
        (172_799.0, "47h"),
        (172_800.0, "2d"),
        (1e9, "11574d"),
    ],
)
def test_an_age(seconds: float, said: str) -> None:
    assert age(seconds) == said


# --- why it is not Active --------------------------------------------------------------------------------------------


def test_the_causes_are_the_innermost_that_have_begun() -> None:
    assert [node.instance.alias for node in causes(shop(*STARTING))] == ["db"]
    assert because(shop(*STARTING), now=NOW) == ["db: Created 40s, 1 of 2 serve: shop-db-2 Starting, its minimum"]
    assert causes(shop(*PLAIN)) == ()
    assert because(shop(*PLAIN), now=NOW) == []


@pytest.mark.parametrize(
    ("standing", "lines"),
    [
        pytest.param(shop([], []), ["declared, not begun since 8m"], id="not begun"),
        pytest.param(
            shop([a_place(SHOP, CREATED, started=False, why="waits for a partition")]),
            ["shop: Created 3m: waits for a partition"],
            id="the application itself",
        ),
        pytest.param(
            shop(*TWO_PLACES), ["us-1/web: Created 5s, 0 of 1 serve"], id="with the network partition if there are two"
        ),
        pytest.param(
            shop([a_place(SHOP, INACTIVE), *(a_place(f"{SHOP}/c{i}", INACTIVE, wanted=1) for i in range(5))]),
            [*(f"c{i}: Inactive 3m, 0 of 1 serve" for i in range(3)), "and 2 more"],
            id="not too many",
        ),
    ],
)
def test_why(standing: Standing, lines: Sequence[str]) -> None:
    assert because(standing, now=NOW) == lines


def test_a_large_tree_begins_with_the_causes() -> None:
    many = [a_place(f"{SHOP}/c{i}") for i in range(8)]
    rows = [a_place(SHOP, INACTIVE, why="bad is Inactive"), a_place(f"{SHOP}/bad", INACTIVE, wanted=1), *many]

    assert drawn(shop(rows)).splitlines()[1] == "│  because bad: Inactive 3m, 0 of 1 serve"


def test_news_are_what_changed() -> None:
    before = facts([shop(*STARTING)], detail=Detail.NOTABLE)
    assert news({}, before) == [
        "default/shop  application  Created  4 of 9 members serve",
        "default/shop/eu-1/db  cluster  Created  1 of 2 serve",
        "default/shop/eu-1/db/shop-db-2  member  Starting  partition-1  its minimum",
        "default/shop/eu-1/web  cluster  Active  3 of 3 serve",
        "default/shop/eu-1/backend.1  group  Created  waits for cartridge.db",
        "default/shop/eu-1/backend.1/api  cluster  Created  waits for backend.1",
    ]
    records = [*STARTING[0], a_place(f"{SHOP}/db", wanted=2)]
    records[1] = records.pop()
    after = facts(
        [shop([*records, a_burst()], [*members(3), *members(2, f"{SHOP}/db")])],
        detail=Detail.NOTABLE,
    )

    assert news(before, before) == []
    assert news(before, after) == [
        "default/shop  application  Created  5 of 9 members serve",
        "default/shop  application  asks for eu-2: needs 4 more of web",
        "default/shop/eu-1/db  cluster  Active  2 of 2 serve",
        "default/shop/eu-1/db/shop-db-2  gone",
    ]
