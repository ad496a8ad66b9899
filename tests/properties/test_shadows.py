"""Whatever shadows are ordered, ended and restarted: what anybody acts on is the same to the byte."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from streams.records.control import Shadow
from streams.records.instance import Announcement
from streams.records.record import encode
from tests.actuator_builders import a_shadow
from tests.builders import a_place, a_policy, a_spec
from tests.deciding import Shell

SPEC = a_spec(max_members=20, policy=a_policy(requests=10.0), partitions=[a_place(max_members=30)])
DOCUMENTS = st.fixed_dictionaries(
    {"requests": st.floats(0.1, 100.0)},
    optional={
        "tolerance": st.floats(0.0, 0.9),
        "demand": st.sampled_from(["target-tracking", "stratos-4.1"]),
        "prediction": st.sampled_from([{"mode": "Disabled"}, {"predictor": "last"}]),
        "flapBudget": st.just({"starts": 3}),
        "fallback": st.just({"replicas": 15, "failureThreshold": 1, "behavior": "static"}),
        "schedules": st.just([{"start": "0 0 * * *", "end": "0 23 * * *", "timezone": "UTC", "minMembers": 17}]),
        "victim": st.sampled_from(["newest", "most-expensive"]),
    },
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("tick"), st.one_of(st.none(), st.floats(0.0, 300.0)), st.sampled_from([1.0, 5.0, 61.0])),
        st.tuples(st.just("order"), DOCUMENTS, st.booleans()),
        st.tuples(st.just("restart"), st.none(), st.none()),
    ),
    max_size=25,
)


class Twin:
    """One cluster, which is told of shadows or not."""

    def __init__(self, *, shadowed: bool) -> None:
        self.shadowed, self.orders, self.shell = shadowed, list[Shadow](), Shell(SPEC)
        self.published: list[bytes] = []
        self.wanted: list[int] = []

    def order(self, order: Shadow) -> None:
        if self.shadowed:
            self.orders.append(order)
            self.shell.publish(self.shell.decider.control(order))

    def restart(self) -> None:
        self._note()
        snapshot = self.shell.decider.snapshot()
        self.shell = Shell(SPEC, log=self.shell.log, snapshot=snapshot, at=self.shell.at, orders=self.orders)

    def tick(self, load: float | None, seconds: float) -> None:
        self.shell.tick(load, seconds=seconds)
        self.shell.route()

    def told(self) -> list[bytes]:
        """Return everything that somebody acts on; how the shadow's load is forecast is for the worker."""
        self._note()
        return self.published

    def _note(self) -> None:
        records = [r for r in self.shell.published if not isinstance(r, Announcement)]
        self.published += map(encode, records)
        self.wanted += [each.wanted for each in self.shell.shadows]
        self.shell.published.clear()
        self.shell.shadows.clear()


@given(steps=STEPS)
def test_a_shadow_never_changes_what_acts(steps: list[tuple[str, object, object]]) -> None:
    twins = [Twin(shadowed=True), Twin(shadowed=False)]
    for what, one, two in steps:
        for twin in twins:
            match what:
                case "tick":
                    twin.tick(one, two)  # type: ignore[arg-type]
                case "restart":
                    twin.restart()
                case _:
                    twin.order(a_shadow(at=twin.shell.at, ends=bool(two), **one))  # type: ignore[arg-type]

    assert twins[0].told() == twins[1].told()
    assert all(1 <= wanted <= SPEC.most_members for wanted in twins[0].wanted)


@given(loads=st.lists(st.one_of(st.none(), st.floats(0.0, 300.0)), min_size=2, max_size=30), at=st.integers(1, 20))
def test_a_shadow_of_the_same_policy_wants_the_same(loads: list[float | None], at: int) -> None:
    """However late it begins: it begins with the memory of the policy in force."""
    shell = Shell(SPEC)
    shell.decider.control(msgspec.structs.replace(a_shadow(at=1000.0 + at), document=_same()))
    for load in loads:
        shell.tick(load)
        shell.route()

    wanted = {each.at: (each.wanted, each.reasons) for each in shell.decisions}
    assert all(wanted[each.at] == (each.wanted, each.reasons) for each in shell.shadows[1:] if each.at in wanted)
    assert not [each for each in shell.shadows[1:] if each.at not in wanted and each.wanted != each.before]


def _same() -> dict[str, object]:
    """Return the document of the policy in force."""
    rules = {"stabilizationWindowSeconds": 0, "policies": [{"type": "Percent", "value": 1000, "periodSeconds": 15}]}
    document = a_shadow(requests=10.0).document or {}
    return document | {"behavior": {"scaleUp": rules, "scaleDown": rules}}
