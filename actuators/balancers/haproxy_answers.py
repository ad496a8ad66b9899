"""What HAProxy answers on its sockets, read."""

import csv
from dataclasses import dataclass, replace

from actuators.balancers.haproxy_config import WAITING_ROOM
from actuators.ports import Target

LEFT_OUT = 0x01 | 0x08
"""Bits of ``srv_admin_state``: in maintenance, or draining, by command."""
SESSIONS, QUEUED = "scur", "qcur"
EARLIER = "# old workers"
WORDS_OF_SUCCESS = ("New server registered.", "Server deleted.")
BACKEND = "BACKEND"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSeen:
    """A member as HAProxy has it."""

    target: Target
    left_out: bool
    """No new request is given to it."""
    in_flight: int
    """Requests open on it, and those that queue for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendSeen:
    """A cluster as one worker has it."""

    servers: dict[str, ServerSeen]
    in_flight: int
    """``scur`` of the backend: it counts those that queue too, so ``qcur`` must not be added."""
    count: int


def read_backend(states: str, stat: str) -> BackendSeen:
    """Read the answers to ``show servers state`` and ``show stat`` about one backend.

    Raises
    ------
    ValueError
        These are no such answers.
    """
    rows = {row["svname"]: row for row in csv.DictReader(stat.strip().removeprefix("# ").splitlines())}
    if BACKEND not in rows:
        raise ValueError(f"no statistics of the backend: {stat[:200]!r}")
    servers = {server.target.member: server for server in _servers(states, rows)}
    try:
        total = rows[BACKEND]
        return BackendSeen(servers=servers, in_flight=int(total[SESSIONS]), count=int(total["stot"]))
    except KeyError as error:
        raise ValueError(f"statistics without {error}") from error


def read_clients(stat: str) -> int:
    """Read ``show stat`` about a frontend: how many connections clients have; -1 when it does not say."""
    rows = csv.DictReader(stat.strip().removeprefix("# ").splitlines())
    return next((int(row.get(SESSIONS) or -1) for row in rows), -1)


def without_choice(seen: BackendSeen, *, clients: int) -> BackendSeen:
    """Return a replaced worker's view: when all ``clients`` of it are with a member, it chooses none."""
    done = 0 <= clients <= sum(server.in_flight for server in seen.servers.values())
    return replace(seen, servers={name: replace(server, left_out=done) for name, server in seen.servers.items()})


def _servers(states: str, rows: dict[str, dict[str, str]]) -> list[ServerSeen]:
    """Read the servers: address and administrative state from one answer, counts from the other."""
    lines = [line for line in states.strip().splitlines() if line]
    names = next((line.removeprefix("# ").split() for line in lines if line.startswith("# ")), [])
    found = []
    for line in lines:
        if line.startswith("#") or line.isdigit():
            continue
        server = dict(zip(names, line.split(), strict=True))
        name = server["srv_name"]
        if name == WAITING_ROOM or name not in rows:  # gone, or come, between the two answers
            continue
        target = Target(member=name, host=server["srv_addr"], port=int(server["srv_port"]))
        found.append(
            ServerSeen(
                target=target,
                left_out=bool(int(server["srv_admin_state"]) & LEFT_OUT),
                in_flight=int(rows[name][SESSIONS]) + int(rows[name][QUEUED]),
            )
        )
    return found


def earlier_workers(processes: str) -> list[int]:
    """Read ``show proc``: the workers that a reload has replaced and that still carry requests."""
    _, _, after = processes.partition(EARLIER)
    lines = after.partition("# programs")[0].splitlines()
    return [int(line.split()[0]) for line in lines if line.strip() and line.split()[0].isdigit()]


def refusals(answer: str) -> list[str]:
    """Return the lines by which commands were refused: success is silent, or said in known words."""
    return [line for line in map(str.strip, answer.splitlines()) if line and not line.startswith(WORDS_OF_SUCCESS)]
