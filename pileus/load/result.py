"""What the client tells: a line each second while it runs, and the result at its end."""

import msgspec


class Second(msgspec.Struct, frozen=True, kw_only=True):
    """The client's counters at one moment; all but ``in_flight`` are cumulative."""

    t: float
    """Since the start (s)."""
    load: float
    """What was asked for at ``t``, relative to the peak (in [0, 1])."""
    sent: int
    answered: int
    failed: int
    in_flight: int
    latency_p50_s: float | None
    """From due to answered (s); ``None`` before the first answer."""
    latency_p99_s: float | None
    lateness_p99_s: float | None
    """How late the client itself sent (s)."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The whole run as the client saw it. ``sent = answered + failed``."""

    url: str
    load: str
    """The load's description."""
    peak_per_s: float
    """Requests per second at load 1."""
    started_at: float
    """When the first request could be due (s since the Unix epoch)."""
    ended_at: float
    """When the last one was answered or given up (s since the Unix epoch)."""
    sent: int
    answered: int
    """Answered below 400, whole, within the time-out."""
    failed: int
    failed_by_kind: dict[str, int]
    """By ``connect``, ``reset``, ``truncated``, ``timeout``, ``protocol``, ``status-NNN``, ``abandoned``."""
    latency_p50_s: float | None
    """From due to answered, of answered requests (s); ``None`` when there was none."""
    latency_p99_s: float | None
    latency_max_s: float | None
    lateness_p99_s: float | None
    """How late the client itself sent (s): beyond a few ms its latencies are not the service's alone."""
    lateness_max_s: float | None
    seconds: list[Second] = []


RESULT = msgspec.json.Decoder(Result)
SECOND = msgspec.json.Decoder(Second)
