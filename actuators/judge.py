"""One cluster's decisions in a row: what each leaves to the next, and which of them are worth telling."""

import msgspec

from actuators.decide import choose
from actuators.otherwise import complete
from actuators.schedule import holding, scheduled
from config.cluster import ClusterSpec
from streams.records.control import Pause
from streams.records.decision import Cap, Code, Decision, Given, Memory, Recommendation, Room
from streams.records.forecast import ClusterForecast


class Told(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The decision published last, as far as the next one is compared with it."""

    at: float
    wanted: int
    codes: tuple[Code, ...]


class Remembered(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a judge must not forget over a restart."""

    memory: Memory = Memory()
    told: Told | None = None


class Judge:
    """Decides for one cluster, tick by tick.

    That of a shadow knows when it was ordered (``shadow``, s since the Unix epoch), and sees its own forecast.
    """

    def __init__(
        self, heartbeat_s: float, remembered: Remembered | None = None, *, shadow: float | None = None
    ) -> None:
        self._heartbeat_s = heartbeat_s
        self._shadow = shadow
        self.remembered = Remembered() if remembered is None else remembered

    def adopt(self, members: int, at: float) -> None:
        """Without a memory, begin with the members that are there: what is forgotten removes nobody."""
        if members and self.remembered.memory.wanted is None:
            memory = Memory(wanted=members, recommended=(Recommendation(at, members),))
            self.remembered = Remembered(memory=memory, told=self.remembered.told)

    def decide(
        self,
        spec: ClusterSpec,
        forecast: ClusterForecast,
        at: float,
        *,
        cap: Cap | None = None,
        pause: Pause | None = None,
        room: Room | None = None,
    ) -> tuple[Decision, bool]:
        """Take the decision of a tick, and say whether it is to be published.

        It is when the number or a reason changed, and at least every ``heartbeat_s``: "nothing to do" included.
        Only one that is published says what else it would be. A ``cap`` stands in it only where it counts: what others
        use of a budget changes all the time.
        """
        now = scheduled(spec, at)
        given = Given(
            forecast=self._own(forecast),
            policy=now.policy,
            min_members=now.least_members,
            max_members=now.most_members,
            memory=self.remembered.memory,
            fallback=now.fallback,
            schedules=holding(now.schedules, at) if now.schedules else (),
            pause=pause,
            room=room,
            shadow=self._shadow,
        )
        decision, memory = choose(given, at=at)
        if cap is not None and decision.wanted > max(cap.members, decision.before):
            decision, memory = choose(msgspec.structs.replace(given, cap=cap), at=at)
        told = self.remembered.told
        tell = told is None or self._differs(decision, told)
        if tell:
            decision = complete(decision)
            told = Told(at=at, wanted=decision.wanted, codes=tuple(r.code for r in decision.reasons))
        self.remembered = Remembered(memory=memory, told=told)
        return decision, tell

    def _own(self, forecast: ClusterForecast) -> ClusterForecast:
        """Return a forecast with the signals that are this judge's, and no others."""
        if not forecast.shadow:
            return forecast
        plain = msgspec.structs.replace(forecast, shadow=[], shadow_horizon_s=None)
        if self._shadow is None:
            return plain
        horizon_s = forecast.horizon_s if forecast.shadow_horizon_s is None else forecast.shadow_horizon_s
        return msgspec.structs.replace(plain, signals=forecast.shadow, horizon_s=horizon_s)

    def _differs(self, decision: Decision, told: Told) -> bool:
        """Say whether a decision differs from the one told last, or that one is old."""
        changed = decision.wanted != decision.before or decision.wanted != told.wanted
        codes = tuple(r.code for r in decision.reasons)
        return changed or codes != told.codes or decision.at - told.at >= self._heartbeat_s
