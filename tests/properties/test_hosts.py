"""The packing rule: never more than there is room, and what it asks for suffices and settles."""

from hypothesis import given
from hypothesis import strategies as st

from actuators.hosts import Host, fit, want
from config.hosting import HostingSpec, Size

ROOM = Size(slots=4, cpus=2.0, memory_bytes=1000)
SIZES = st.builds(
    Size,
    slots=st.just(1),
    cpus=st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0]),
    memory_bytes=st.integers(0, 1000),
)
WAITING = st.lists(SIZES, max_size=12)


def filled(hosts: int, sizes: list[Size]) -> dict[str, Host]:
    """Return hosts with containers on them, as the rule places them; what finds no room is left out."""
    there = {f"h-{i}": Host(name=f"h-{i}", total=ROOM) for i in range(1, hosts + 1)}
    for size in sizes:
        if (host := fit(size, there.values())) is not None:
            there[host.name] = host.with_one(size)
    return there


@given(hosts=st.integers(0, 5), sizes=WAITING)
def test_no_host_has_more_than_its_room(hosts: int, sizes: list[Size]) -> None:
    assert all(host.used.within(ROOM) and host.fill <= 1.0 + 1e-9 for host in filled(hosts, sizes).values())


@given(hosts=st.integers(0, 5), there=WAITING, waiting=WAITING, reserve=st.integers(0, 3))
def test_the_hosts_asked_for_suffice(hosts: int, there: list[Size], waiting: list[Size], reserve: int) -> None:
    now = list(filled(hosts, there).values())
    asked = want(now, waiting, HostingSpec(room=ROOM, reserve=reserve))

    if asked.hosts >= len(now):
        more = [Host(name=f"n-{i}", total=ROOM) for i in range(asked.hosts - len(now))]
        assert want([*now, *more], waiting, HostingSpec(room=ROOM, reserve=reserve)).without == 0


@given(hosts=st.integers(1, 5), there=WAITING)
def test_a_host_that_is_emptied_is_not_asked_for_again(hosts: int, there: list[Size]) -> None:
    spec = HostingSpec(room=ROOM)
    now = list(filled(hosts, there).values())
    asked = want(now, [], spec)
    emptied = sorted(now, key=lambda host: host.fill)[: len(now) - asked.hosts]
    kept = [host for host in now if host not in emptied]
    moved = [size for host in emptied for size in host.moving]

    again = want(kept, moved, spec)

    assert again.hosts == asked.hosts
    assert again.without == 0


@given(hosts=st.integers(0, 5), there=WAITING, size=SIZES)
def test_the_fullest_host_with_room_is_taken(hosts: int, there: list[Size], size: Size) -> None:
    now = filled(hosts, there)
    chosen = fit(size, now.values())

    room = [host for host in now.values() if host.takes(size)]
    assert (chosen is None) == (not room)
    assert chosen is None or chosen.fill == max(host.fill for host in room)
