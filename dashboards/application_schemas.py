"""What the API answers about applications. Times are seconds since the Unix epoch; ``null`` is unknown, never zero."""

from dashboards.schemas import OutcomeView, View


class PartMemberView(View):
    """One member below its part of an application; ``/api/members`` says more."""

    member: str
    cluster: str
    state: str
    at: float
    """Since when it is in this state."""
    reason: str
    """Why it is in this state, in words."""
    network_partition: str
    partition: str


class PartView(View):
    """One instance of an application, a group or a cluster, and what it consists of."""

    id: str
    """``<tenant>/<application>/<network partition>``, then ``/<group alias>.<number>`` for each group around it,
    then ``/<cluster alias>``."""
    level: str
    """``application``, ``group`` or ``cluster``."""
    alias: str
    """Of the group or the cluster; the application's id."""
    network_partition: str
    phase: str
    """``Created``, ``Active``, ``Inactive`` or ``Terminating``."""
    at: float
    """Since when it is in this phase."""
    since: dict[str, float]
    """When each phase was reached last."""
    started: bool
    """True once everything that starts before it was Active."""
    waiting: bool
    """True while it is Created and something before it is not Active yet; ``why`` names it."""
    wanted: int
    """Members that it is to have, here and below."""
    serving: int
    """Members that serve, here and below."""
    why: str
    """Why it is so, in words: what it waits for, why it ends, why it has this many members."""
    cluster: str | None
    """Of a cluster instance: the cluster, as ``/api/clusters/{cluster}`` names it; ``null`` when it is not known."""
    trouble: OutcomeView | None
    """The newest action that failed for one of its members while it was not Active."""
    children: list["PartView"]
    """Sorted by name."""
    members: list[PartMemberView]
    """Those that are not gone, sorted by name. Only a cluster instance has any."""


class CauseView(View):
    """A part that is not Active though nothing before it holds it up: where to look first."""

    id: str
    level: str
    alias: str
    network_partition: str
    phase: str
    at: float
    """Since when it is in this phase."""
    wanted: int
    serving: int
    said: str
    """What is known of the reason, in words: of the newest action that failed for one of its members since then,
    else of its newest member that does not serve or ended since then, else of the part itself."""


class BurstView(View):
    """An application needs more than its network partitions have room for."""

    at: float
    to: list[str]
    """The network partitions it asks for; empty when there is no other."""
    missing: dict[str, int]
    """Members that find no room, by alias of the cluster."""
    why: str


class ApplicationView(View):
    """One application in a line."""

    tenant: str
    application: str
    clusters: list[str]
    wanted: int | None
    """Over all its parts; ``null`` while no instance of it is known and a cluster has no decision."""
    serving: int
    phase: str | None
    """``Inactive`` if it is so in any of its network partitions, else ``Created``, else ``Active``; ``Terminating``
    when it is so in all. ``null`` while no instance of it is known."""
    at: float | None
    """Since when it is in this phase; of one without instances, when it was deployed."""
    why: str
    """Why it is in this phase, in words."""
    network_partitions: list[str]
    """Those it has instances in, sorted."""
    parts: int
    """Instances of groups and clusters."""
    active: int
    """Of these, how many are Active."""
    waiting: int
    """Of these, how many wait for others."""
    causes: list[CauseView]
    """Why it is not Active: at most five, what was Active before first, then what lasts longest."""
    stuck: int
    """How many causes there are."""
    burst: BurstView | None
    """Its request for more room."""


class ApplicationTree(View):
    """One application in full."""

    summary: ApplicationView
    trees: list[PartView]
    """The application in each network partition that it uses."""
    loose: list[PartMemberView]
    """Members that are not gone and that belong to no instance known."""


class ApplicationEvent(View):
    """What ``/events`` sends as ``application``; ``null`` when nothing of it is left."""

    tenant: str
    application: str
    state: ApplicationView | None
