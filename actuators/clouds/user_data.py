"""User data: what a machine does at its first boot: install the cartridge agent, and start it and the member. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from actuators.ports import InvalidRequestError, Where
from streams.records.action import Launch

ENVIRONMENT = "/etc/pileus/environment"
EXPORTS = "/var/lib/pileus/exports"
METADATA = "/var/lib/pileus/metadata.json"
LONGEST = 16_384
"""EC2's bound, the tightest there is (bytes)."""
FORMS = ("cloud-init", "ignition", "none")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

UNIT = """\
[Unit]
Description=Pileus {what}
Wants=network-online.target
After=network-online.target {after}

[Service]
{before}EnvironmentFile={environment}
ExecStart={command}
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
"""


def payload(where: Where, launch: Launch, *, port: int, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of agent and member: the launch's, and over it who it is and where Kafka is."""
    own = {
        "PILEUS_MEMBER": where.member,
        "PILEUS_CLUSTER": where.cluster,
        "PILEUS_APPLICATION": where.application,
        "PILEUS_TENANT": where.tenant,
        "PILEUS_PORT": str(port),
        "PILEUS_HOST": "127.0.0.1",
        "PILEUS_HEALTH": launch.health,
        "PILEUS_EXPORTS": EXPORTS,
        "PILEUS_METADATA": METADATA,
        "PORT": str(port),
    }
    return launch.environment | dict(settings) | own


def user_data(
    form: str, launch: Launch, environment: Mapping[str, str], *, agent: Sequence[str], install: str = ""
) -> str:
    """Return the user data in one of ``FORMS``; empty for ``none``.

    ``install`` is a shell command that runs before the agent starts; ``{port}`` and ``{python}`` in the launch's
    command stand for the member's port and ``python3``.

    Raises
    ------
    InvalidRequestError
        No such form, a name or value that no environment file can hold, or more than ``LONGEST`` bytes.
    """
    if form not in FORMS:
        raise InvalidRequestError(f"userData = {form!r}: must be one of {', '.join(FORMS)}")
    if form == "none":
        return ""
    files = {ENVIRONMENT: _environment_file(environment)}
    units = {"pileus-agent.service": _unit("agent", _agent_command(agent, launch), install=install)}
    if launch.command:
        words = {"{python}": "python3", "{port}": environment["PILEUS_PORT"]}
        units["pileus-member.service"] = _unit("member", _command(launch.command, words), install="")
    text = (_cloud_init if form == "cloud-init" else _ignition)(files, units)
    if (size := len(text.encode())) > LONGEST:
        raise InvalidRequestError(f"user data of {size} bytes: must be at most {LONGEST}; is the environment so large?")
    return text


def _agent_command(agent: Sequence[str], launch: Launch) -> str:
    exported = [word for name in launch.exports for word in ("--export", name)]
    return _command([*agent, "--exports", EXPORTS, "--metadata", METADATA, *exported], {})


def _command(words: Sequence[str], stand_for: Mapping[str, str]) -> str:
    """Return a command line as systemd reads it."""
    line = []
    for word in words:
        for name, value in stand_for.items():
            word = word.replace(name, value)  # noqa: PLW2901 - one word, changed step by step
        line.append(_quoted(word).replace("%", "%%").replace("$", "$$"))
    if line and not line[0].startswith(("/", '"/')):
        line.insert(0, "/usr/bin/env")
    return " ".join(line)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _unit(what: str, command: str, *, install: str) -> str:
    """Return a systemd unit. What installs may take as long as it takes, and is tried again when it fails."""
    before = ["ExecStartPre=/bin/mkdir -p /var/lib/pileus"]
    if install:
        before += [f"ExecStartPre={_command(['/bin/sh', '-c', install], {})}", "TimeoutStartSec=900"]
    after = "pileus-agent.service" if what == "member" else ""
    said = "".join(f"{line}\n" for line in before)
    return UNIT.format(what=what, after=after, before=said, environment=ENVIRONMENT, command=command)


def _environment_file(environment: Mapping[str, str]) -> str:
    """Return an environment file as systemd reads it: nothing in it is expanded."""
    lines = []
    for name, value in sorted(environment.items()):
        if not _NAME.fullmatch(name) or "\0" in value:
            raise InvalidRequestError(f"environment {name!r}: no name of a variable, or a value with a zero byte")
        escaped = re.sub(r'(["\\`$])', r"\\\1", value)
        lines.append(f'{name}="{escaped}"\n')
    return "".join(lines)


def _cloud_init(files: Mapping[str, str], units: Mapping[str, str]) -> str:
    """Return a cloud-config. It is written as JSON, which is YAML without its surprises."""
    written = [{"path": path, "permissions": "0600", "content": text} for path, text in files.items()]
    written += [{"path": f"/etc/systemd/system/{name}", "content": text} for name, text in units.items()]
    commands = [["systemctl", "daemon-reload"], ["systemctl", "enable", "--now", "--no-block", *units]]
    return "#cloud-config\n" + json.dumps({"write_files": written, "runcmd": commands})


def _ignition(files: Mapping[str, str], units: Mapping[str, str]) -> str:
    """Return an Ignition configuration, for hosts in the line of CoreOS."""
    written = [
        {"path": path, "mode": 0o600, "contents": {"source": f"data:,{quote(text)}"}} for path, text in files.items()
    ]
    enabled = [{"name": name, "enabled": True, "contents": text} for name, text in units.items()]
    return json.dumps({"ignition": {"version": "3.3.0"}, "storage": {"files": written}, "systemd": {"units": enabled}})
