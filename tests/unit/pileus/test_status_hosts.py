"""Status tells which container is on which host."""

from pileus.status import Detail, document
from tests.unit.pileus.standing import SHOP, a_member, a_place, members, shop
from tests.unit.pileus.test_status_text import drawn

TWO_LEVELS = """\
application shop (default)  Active  since 3m  5 of 5 members serve
├─ web              cluster  Active  3m  3 of 3 serve
│  ├─ shop-web-1             Active  3m  partition-1 on shop-hosts-1
│  ├─ shop-web-2             Active  3m  partition-1 on shop-hosts-1
│  └─ shop-web-3             Active  3m  partition-1
└─ hosts            cluster  Active  3m  2 of 2 serve
   ├─ shop-hosts-1           Active  3m  partition-1, 2 on it
   └─ shop-hosts-2           Active  3m  partition-1"""


def test_hosts_say_how_many_are_on_them_and_containers_where_they_are() -> None:
    places = [a_place(SHOP), a_place(f"{SHOP}/hosts", wanted=2), a_place(f"{SHOP}/web", wanted=3)]
    on = [a_member(f"shop-web-{i}", on="shop-hosts-1") for i in (1, 2)]
    standing = shop(places, [*members(2, f"{SHOP}/hosts"), *on, a_member("shop-web-3")])

    assert drawn(standing, detail=Detail.ALL) == TWO_LEVELS
    (application,) = document([standing], detail=Detail.ALL)["applications"]
    web = application["instances"][0]["instances"][0]
    assert [each["on"] for each in web["members"]] == ["shop-hosts-1", "shop-hosts-1", None]
