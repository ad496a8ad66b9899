"""The roster: who may be launched and ended, by the log of members alone."""

import pytest

from actuators.roster import GONE_KEPT, Roster
from streams.records.action import Verb
from streams.records.member import State
from tests.actuator_builders import an_action
from tests.builders import a_claim, a_member

MAY = {
    Verb.LAUNCH: {State.CREATED, State.STARTING},
    Verb.TERMINATE: {State.DRAINING, State.TERMINATING},
}
MAY_COME = {
    Verb.LAUNCH: set[State](),
    Verb.TERMINATE: {State.CREATED, State.STARTING, State.ACTIVE},
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("verb", Verb)
def test_what_a_state_allows(verb: Verb, state: State) -> None:
    roster = Roster()
    roster.apply(a_member(state=state), partition=0, offset=1)

    objection = roster.objection(an_action(verb=verb), partition=0)

    assert (objection is None) == (state in MAY[verb])
    assert objection is None or objection.final == (state not in MAY_COME[verb])
    assert objection is None or f"the member is {state}" in objection.reason


def test_without_an_intent_nothing_may_be_done_but_it_may_come() -> None:
    objection = Roster().objection(an_action(), partition=0)

    assert objection is not None
    assert (objection.reason, objection.final) == ("no intent stands in pileus.members", False)


def test_an_older_epoch_is_refused_for_good() -> None:
    roster = Roster()
    roster.apply(a_member(state=State.CREATED, epoch=5), partition=0, offset=4)
    roster.apply(a_claim(), partition=0, offset=7)

    objection = roster.objection(an_action(epoch=5), partition=0)

    assert objection is not None
    assert (objection.reason, objection.final) == ("epoch 5 is older than 7", True)
    assert roster.objection(an_action(epoch=7), partition=0) is None, "what stands was written in time"


def test_epochs_are_the_partitions_own() -> None:
    roster = Roster()
    roster.apply(a_member(state=State.CREATED), partition=0, offset=1)
    roster.apply(a_claim(), partition=1, offset=7)

    assert roster.objection(an_action(epoch=1), partition=0) is None


def test_what_a_deposed_decider_writes_does_not_count() -> None:
    roster = Roster()
    roster.apply(a_claim(), partition=0, offset=7)
    roster.apply(a_member(state=State.ACTIVE, epoch=7), partition=0, offset=8)
    roster.apply(a_member(state=State.DRAINING, epoch=3), partition=0, offset=9)

    assert roster.members["shop-web-1"].state is State.ACTIVE


def test_an_older_claim_does_not_lower_the_epoch() -> None:
    roster = Roster()
    roster.apply(a_claim(), partition=0, offset=7)
    roster.apply(a_claim(), partition=0, offset=5)

    assert roster.epochs == {0: 7}


def test_only_so_many_terminated_members_are_remembered() -> None:
    roster = Roster()
    roster.apply(a_member("shop-web-0"), partition=0, offset=0)
    for i in range(1, GONE_KEPT + 11):
        roster.apply(a_member(f"shop-web-{i}", state=State.TERMINATED), partition=0, offset=i)

    assert len(roster.members) == GONE_KEPT + 1
    assert {"shop-web-0", f"shop-web-{GONE_KEPT + 10}"} <= roster.members.keys()
