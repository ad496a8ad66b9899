"""How the feed stands: whether the broker answers, and how far behind the reader is."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Status:
    """Written by the feed, read by the pages. Times are seconds since the Unix epoch."""

    broker: str
    """Its address, ``host:port``."""
    reachable: bool = False
    caught_up: bool = False
    """True once everything that stood in the topics at the start has been read."""
    since: float | None = None
    """Since when ``reachable`` is what it is; ``None`` before the first attempt ended."""
    error: str = ""
    """Why it is not reachable."""
    connections: int = 0
    """How often a connection was made."""
    partitions: dict[str, int] = field(default_factory=dict)
    """Partitions by topic; a topic that does not exist is missing."""
    lag: dict[str, int] = field(default_factory=dict)
    """Records not read yet, by topic, from the fetches' high watermarks."""

    def up(self, at: float) -> None:
        """Note that the broker answers."""
        self.since = self.since if self.reachable else at
        self.reachable, self.error = True, ""
        self.connections += 1

    def down(self, at: float, error: str) -> None:
        """Note that it does not."""
        self.since = at if self.reachable or self.since is None else self.since
        self.reachable, self.caught_up, self.error = False, False, error
