"""HAProxy's configuration: one file for all, and one for each cluster with its members in it.

Members enter and leave by commands; the files say the same, so that a reload
or a restart begins where the process stood.
"""

from collections.abc import Iterable
from zlib import crc32

from actuators.balancers.checked import address_of
from actuators.balancers.cluster_file import ClusterFile
from actuators.balancers.front import NAME, Front
from actuators.balancers.haproxy_front import STICKY, front_text
from actuators.ports import Target

CONFIG = "config"
"""The folder of the configuration files."""
BASE = "0-base.cfg"
WORKER_SOCKET, MASTER_SOCKET = "worker.sock", "master.sock"
WAITING_ROOM = "_wait"
"""A server that never listens, asked only when no member can be: a request tries again until one can. No member is
called so."""
NOWHERE = "127.0.0.1:1"
CHECK = "check inter 500ms fall 1 rise 1 observe layer4 error-limit 1 on-error mark-down"
"""TCP only; whether a member is well is the agent's question. ``default-server`` does not hold for added servers."""

BASE_TEXT = f"""\
# Written by Pileus when HAProxy starts. Paths are relative to the folder above.
global
    stats socket unix@{WORKER_SOCKET} mode 600 level admin
    stats timeout 10s
    log stderr format raw local0 notice

defaults
    mode http
    balance leastconn
    timeout connect 500ms
    timeout queue 5s
    timeout http-request 10s
    timeout http-keep-alive 60s
    timeout client 60s
    timeout server 60s
    # Ten times half a second: how long a request waits for a member that can be reached; then it is answered with 503.
    retries 10
    option redispatch 1
    option abortonclose
    retry-on conn-failure empty-response
"""


def file_of(cluster: str) -> str:
    """Return the name of a cluster's file."""
    return f"{cluster}.cfg"


def base_text(front: Front | None) -> str:
    """Return the part of the configuration that is no cluster's."""
    return BASE_TEXT + (front_text(front) if front else "")


def front_of(cluster: str, wanted: ClusterFile) -> str:
    """Return the name of the frontend of a cluster, its own or that of all; no cluster is called so."""
    return f"in:{cluster}" if wanted.listen else NAME


def cluster_text(cluster: str, wanted: ClusterFile) -> str:
    """Return a cluster's part of the configuration. Only what is safe to repeat is sent twice."""
    members = "".join(f"    server {target.member} {server_words(target, wanted)}\n" for target in wanted.routed)
    return f"""\
{_frontend(cluster, wanted) if wanted.listen else ""}backend {cluster}
{STICKY if wanted.sticky else ""}    server {WAITING_ROOM} {NOWHERE} backup
{members}"""


def _frontend(cluster: str, wanted: ClusterFile) -> str:
    """Return the listener of one cluster alone."""
    return f"""\
frontend {front_of(cluster, wanted)}
    bind {wanted.listen}
    http-request disable-l7-retry unless METH_GET
    default_backend {cluster}

"""


def server_words(target: Target, wanted: ClusterFile) -> str:
    """Return what follows the name of a server, in a file as in a command."""
    bound = f" maxconn {wanted.maxconn}" if wanted.maxconn else ""
    number = f" id {crc32(target.member.encode()) % 2**31 or 1}" if wanted.sticky else ""
    weight = f" weight {target.weight}" if target.weight > 1 else ""
    return f"{address_of(target)} {CHECK}{bound}{number}{weight}"


def entering(cluster: str, targets: Iterable[Target], wanted: ClusterFile) -> list[str]:
    """Return the commands by which members enter. An added server is in maintenance and unchecked at first."""
    return [
        command
        for target in targets
        for name in [f"{cluster}/{target.member}"]
        for command in (
            f"add server {name} {server_words(target, wanted)}",
            f"enable health {name}",
            f"enable server {name}",
        )
    ]


def state(cluster: str, member: str, word: str) -> str:
    """Return the command that sets a server's state: ``ready``, ``drain`` or ``maint``."""
    return f"set server {cluster}/{member} state {word}"


def weighing(cluster: str, target: Target) -> str:
    """Return the command that sets a server's share of the requests."""
    return f"set server {cluster}/{target.member} weight {target.weight}"


def deletion(cluster: str, member: str) -> str:
    """Return the command that takes a server in maintenance away."""
    return f"del server {cluster}/{member}"
