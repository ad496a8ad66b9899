"""What the API answers. Times are seconds since the Unix epoch; ``null`` is unknown, never zero."""

from pydantic import BaseModel, ConfigDict


class View(BaseModel):
    """Base of all answers: immutable, documented by its attributes' docstrings."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class ReasonView(View):
    """One gate that a decision passed or met."""

    code: str
    said: str
    """The same in words, with its numbers."""


class FactorView(View):
    """How many members the load of one signal asks for."""

    signal: str
    threshold: float
    """Load that one member should carry."""
    observed: float | None
    forecast: float | None
    ratio: float | None
    members: int | None
    from_forecast: bool
    """True when the forecast asks for more than the observed load."""


class GateView(View):
    """One gate: it lets a number pass, or brings it within its limits."""

    gate: str
    what: str
    """The gate in words."""
    asked: int
    """The number that came to it."""
    passed: int
    """The number that it let through."""
    bites: bool
    """True when it changed the number."""
    least: int | None
    """The lowest that it lets pass; ``null``: no limit."""
    most: int | None
    until: float | None
    """When it lets more pass if nothing else changes; ``null``: not known, or never."""
    said: str
    """The same in words."""


class OtherwiseView(View):
    """The counterfactual: what the load alone asks for, and which load would ask for another number."""

    asked: int | None
    """Members that the load alone asks for; ``null`` when nothing is known of it."""
    binding: str
    """The code that the number finally hangs on."""
    until: float | None
    """When that lets go at the latest; ``null``: not by itself."""
    more_above: dict[str, float]
    """By signal: a total above this, of any of them, asks for more than the number wanted."""
    fewer_below: dict[str, float]
    """By signal: totals at or below this, of all of them, ask for fewer."""


class PauseView(View):
    """A pause in force."""

    scope: str
    """``<tenant>[/<application>[/<cluster alias>]]``; of a tenant alone it is a freeze."""
    owner: str
    reason: str
    at: float
    """Since when."""
    until: float
    """It ends by itself then."""
    said: str


class AlarmView(View):
    """Something about a cluster that somebody should see at once."""

    code: str
    """``Breaker``, ``Fallback``, ``MetricMissing`` or ``Paused``."""
    said: str


class DecisionView(View):
    """How many members a cluster should have, and why."""

    decision: str
    at: float
    wanted: int
    before: int
    why: str
    """The reason that it finally hung on, in words."""
    code: str
    said: str
    """The whole in one sentence, as ``pileus explain`` tells it; its times are UTC."""
    loads: list[str]
    """Each factor in words."""
    factors: list[FactorView]
    reasons: list[ReasonView]
    gates: list[GateView]
    """Every gate, in the order in which the number passed them."""
    otherwise: OtherwiseView | None


class SignalView(View):
    """One signal of one cluster: what it is, how it moves, where it is heading."""

    signal: str
    unit: str
    ready: bool
    why: str
    """Why it cannot be judged; empty when it can."""
    threshold: float | None
    """Load that one member should carry; ``null`` when the policy does not use the signal."""
    observed: float | None
    forecast: float | None
    lower: float | None
    """10th percentile of the forecast."""
    upper: float | None
    """90th percentile of the forecast."""
    level: float | None
    slope: float | None
    """Per second."""
    curvature: float | None
    """Per second squared."""
    predictor: str
    age_s: float | None
    """Age of the newest sample used, at the tick."""


class ClusterSummary(View):
    """One cluster in a line."""

    tenant: str
    application: str
    cluster: str
    status: str
    """``unknown``, ``stale``, ``growing``, ``shrinking`` or ``steady``."""
    wanted: int | None
    serving: int
    starting: int
    draining: int
    min_members: int | None
    max_members: int | None
    at: float | None
    """Time of the newest forecast."""
    horizon_s: float | None
    main: SignalView | None
    """The signal that the cluster is scaled by first."""
    decision: DecisionView | None
    """The newest decision that changed the number; the newest one if none did."""
    alarms: list[AlarmView]
    """What somebody should see at once, of the newest decision and the pauses; usually empty."""


class MemberView(View):
    """One member: where it stands in its life and what it carries."""

    member: str
    tenant: str
    application: str
    cluster: str
    cartridge: str
    network_partition: str
    partition: str
    state: str
    at: float
    """Since when it is in this state."""
    since: dict[str, float]
    """When each state was first reached."""
    up_s: float | None
    """How long it has been serving; ``null`` before it does and after its end."""
    host: str
    port: int
    instance: str
    reason: str
    routed: bool | None
    """True while a balancer sends it requests; ``null`` when no balancer reports."""
    in_flight: int | None
    """Requests open on it, over all balancers."""
    load_average: float | None
    """At the horizon (percent)."""
    memory_consumption: float | None
    """At the horizon (percent)."""
    healthy: bool | None
    fault: str
    """``Silent``, ``Unhealthy`` or empty."""


class LeadTimeView(View):
    """Asked for until serving (s)."""

    count: int
    newest_s: float | None
    p50_s: float | None
    p90_s: float | None


class OutcomeView(View):
    """An action that failed."""

    at: float
    member: str
    result: str
    reason: str


class ClusterView(View):
    """One cluster in full."""

    summary: ClusterSummary
    alias: str
    cartridge: str
    policy: str
    thresholds: dict[str, float]
    newest: DecisionView | None
    """The newest decision, whether it changed the number or not."""
    pauses: list[PauseView]
    """Those that hold the cluster: its tenant's, its application's, its own."""
    signals: list[SignalView]
    members: list[MemberView]
    """The living ones by name, then those that ended, last one first."""
    lead_time: LeadTimeView
    troubles: list[OutcomeView]
    """Newest first."""


class SeriesView(View):
    """Columns of equal length; row i is one moment. The last rows lie ahead and hold forecasts alone."""

    cluster: str
    signal: str
    unit: str
    threshold: float | None
    t: list[float]
    observed: list[float | None]
    forecast: list[float | None]
    """Issued a horizon before ``t``, for ``t``."""
    lower: list[float | None]
    upper: list[float | None]
    wanted: list[int | None]
    serving: list[int | None]
    starting: list[int | None]


class LogView(View):
    """One log line."""

    number: int
    """Rises by one with each line read."""
    at: float
    cluster: str
    member: str
    level: str
    text: str


class BrokerView(View):
    """Whether the broker answers."""

    address: str
    reachable: bool
    caught_up: bool
    since: float | None
    error: str
    connections: int


class TopicView(View):
    """One topic that the dashboard reads."""

    topic: str
    partitions: int
    """0: the topic does not exist."""
    records: int
    """Read since the connection was made."""
    bad: int
    """Of these, how many could not be decoded."""
    age_s: float | None
    """Since the newest record was written."""
    lag: int | None
    """Records not read yet, by the last fetch."""


class RejectionView(View):
    """Messages that the worker could not use."""

    topic: str
    reason: str
    count: int
    examples: list[str]
    """Of the newest one."""


class SampleAge(View):
    """How old what a cluster is scaled by is."""

    cluster: str
    age_s: float | None
    """Of the newest sample, now; ``null`` when there is none."""


class HealthView(View):
    """The health of Pileus itself, as far as its topics show it."""

    now: float
    status: str
    """``ok``, ``degraded`` or ``unreachable``."""
    said: list[str]
    """What is wrong, in words; empty when nothing is."""
    broker: BrokerView
    topics: list[TopicView]
    rejected: list[RejectionView]
    samples: list[SampleAge]
    overflow: int
    """Members and instances not shown because there are too many."""


class PointEvent(View):
    """What ``/events`` sends as ``forecast``: one tick of one cluster."""

    cluster: str
    at: float
    horizon_s: float
    serving: int
    starting: int
    wanted: int | None
    levels: dict[str, dict[str, float | None]]
    """By signal: observed, forecast, lower, upper."""
    summary: ClusterSummary


class DecisionEvent(View):
    """What ``/events`` sends as ``decision``."""

    cluster: str
    decision: DecisionView
    summary: ClusterSummary


class MemberEvent(View):
    """What ``/events`` sends as ``member``; ``null`` when the member was forgotten."""

    member: str
    state: MemberView | None
