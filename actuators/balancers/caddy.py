"""The balancer adapter for Caddy: members enter and leave without a reload, and no request is lost.

Files say who is routed (:mod:`actuators.balancers.caddy_files`), the admin API says what is in flight,
counted health checks say when a member is surely out (:mod:`actuators.balancers.caddy_proof`).
"""

import asyncio
import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from actuators.balancers.caddy_admin import Admin
from actuators.balancers.caddy_config import Frontend, frontends
from actuators.balancers.caddy_counts import read_counts, read_upstreams
from actuators.balancers.caddy_files import CONFIG, MemberFiles, address_of
from actuators.balancers.caddy_proof import Proof, advance
from actuators.ports import BalancerError, ClusterTraffic, Target, TargetState


@dataclass(frozen=True, slots=True)
class _Leaving:
    """A member that was taken out."""

    target: Target
    proof: Proof | None = None

    def out(self, at: float) -> bool:
        """Say whether no request that begins at ``at`` or later can reach it."""
        return self.proof is not None and self.proof.out(at)


class CaddyBalancer:
    """Drives the Caddy that was started in ``directory``. One object at a time may drive one cluster of it.

    All state is in files there: a new object goes on where the last one stopped, and while there is none,
    nothing changes. ``admin`` overrides the address of the admin API.
    """

    def __init__(self, directory: Path, *, admin: str = "") -> None:
        config = _read_config(directory / CONFIG)
        self._frontends = frontends(config)
        self._admin = Admin(admin or config["admin"]["listen"])
        self._files = {name: MemberFiles(directory, name) for name in self._frontends}
        for files in self._files.values():
            files.create()
        self._routed = {name: self._files[name].routed(f.addresses()) for name, f in self._frontends.items()}
        self._leaving = {
            name: {
                address: _Leaving(target)
                for address, target in self._files[name].leaving(f.addresses()).items()
                if address not in self._routed[name]
            }
            for name, f in self._frontends.items()
        }

    async def apply(self, cluster: str, targets: Collection[Target]) -> None:
        """Make ``targets`` the ones that receive new requests; the others keep what they have.

        Caddy sees it within 0.25 s. A target whose address was not declared is refused; the others are applied.

        Raises
        ------
        BalancerError
            The cluster is unknown, a target is refused, or a file cannot be written.
        """
        frontend = self._frontend(cluster)
        declared = set(frontend.addresses())
        wanted: dict[str, Target] = {}
        refused: list[str] = []
        for target in sorted(targets, key=lambda target: target.member):
            address = address_of(target)
            if address not in declared:
                refused.append(f"{target.member} at {address} is outside {_range(frontend)}")
            elif address in wanted:
                refused.append(f"{target.member} at {address} is where {wanted[address].member} is")
            else:
                wanted[address] = target
        self._write(cluster, wanted, frontend)
        if refused:
            raise BalancerError(f"caddy: {cluster}: {'; '.join(refused)}")

    async def traffic(self, cluster: str) -> ClusterTraffic:
        """Return who is routed and what is in flight. A member that is out and carries nothing is listed once more.

        Raises
        ------
        BalancerError
            The cluster is unknown, or Caddy did not answer.
        """
        frontend = self._frontend(cluster)
        before = dict(self._leaving[cluster])  # what Caddy says below was read after these had left
        asked = asyncio.get_running_loop().time()
        metrics, body = await self._admin.get("/metrics", "/reverse_proxy/upstreams")
        try:
            counts, open_on = read_counts(metrics, cluster), read_upstreams(body)
        except ValueError as error:
            raise BalancerError(f"caddy at {self._admin.address}: {error}") from error
        answered = asyncio.get_running_loop().time()
        for address, left in before.items():
            if self._leaving[cluster].get(address) is left:  # else recalled meanwhile
                proof = advance(left.proof, counts, ports=len(frontend.ports), at=answered)
                self._leaving[cluster][address] = replace(left, proof=proof)
        states = self._states(cluster, open_on, asked)
        for state in states:
            if not state.routed and not state.in_flight:
                self._forget(cluster, state.target)
        return ClusterTraffic(targets=states, in_flight=counts.in_flight, count=counts.requests)

    def require(self, cluster: str) -> None:
        """Raise :class:`BalancerError` when this Caddy does not serve ``cluster``."""
        self._frontend(cluster)

    def close(self) -> None:
        """Let go of the connection. Nothing changes in Caddy."""
        self._admin.close()

    def _frontend(self, cluster: str) -> Frontend:
        """Return how a cluster is served."""
        if (frontend := self._frontends.get(cluster)) is None:
            raise BalancerError(
                f"caddy: no cluster '{cluster}', there is {', '.join(sorted(self._frontends)) or 'none'}"
            )
        return frontend

    def _write(self, cluster: str, wanted: dict[str, Target], frontend: Frontend) -> None:
        """Bring the files in step with what is wanted, whatever they say now."""
        routed, leaving, files = self._routed[cluster], self._leaving[cluster], self._files[cluster]
        found = files.routed(frontend.addresses())
        for address, target in wanted.items():
            if found.get(address) != target or address in leaving:
                files.enter(target)
            routed[address] = target
            leaving.pop(address, None)
        for address, target in (routed | found).items():
            if address not in wanted:
                files.leave(address)
                routed.pop(address, None)
                leaving[address] = _Leaving(target)

    def _states(self, cluster: str, open_on: dict[str, int], asked: float) -> list[TargetState]:
        """Return everyone that is routed or leaves, by member; ``open_on`` was asked for at ``asked``."""
        routed = [(address, target, True) for address, target in self._routed[cluster].items()]
        leaving = [(address, left.target, not left.out(asked)) for address, left in self._leaving[cluster].items()]
        return [
            TargetState(target=target, routed=may, in_flight=open_on.get(address, 0))
            for address, target, may in sorted(routed + leaving, key=lambda entry: (entry[1].member, entry[0]))
        ]

    def _forget(self, cluster: str, target: Target) -> None:
        """Drop a member that is out and carries nothing."""
        address = address_of(target)
        self._files[cluster].forget(address)
        del self._leaving[cluster][address]


def _range(frontend: Frontend) -> str:
    """Say which addresses are declared."""
    return f"{frontend.host}:{min(frontend.ports)}..{max(frontend.ports)}"


def _read_config(path: Path) -> dict[str, Any]:
    """Read the configuration that Caddy was started with."""
    try:
        config = json.loads(path.read_bytes())
        config["admin"]["listen"], frontends(config)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BalancerError(f"caddy: cannot read {path}: {error!r}") from error
    return dict(config)
