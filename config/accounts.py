"""Cloud accounts: which clouds there are beside the built-in ones, and with whose credentials.

They are settings (TOML). One table per account; its name is what network partitions say in ``provider``. A credential
never stands in the file: it names where the credential is (``env:NAME`` or ``file:/path``).
"""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from config.errors import ConfigError, Problem
from config.kubernetes_account import KubernetesAccount

Reference = Annotated[str, Meta(pattern=r"^(|env:[A-Za-z_][A-Za-z0-9_]*|file:/.+)$")]
"""Where a secret is: ``env:NAME``, ``file:/path``; empty where the driver takes none."""
Seconds = Annotated[float, Meta(gt=0, le=3600)]


class LoadBalancing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The account's classic load balancers (``pileus lb-agent --balancer elb``)."""

    create: bool = False
    """Make one where a cluster has none. Otherwise it must be there, with our tags, and drain connections."""
    region: str = ""
    """Empty: the account's first."""
    zones: tuple[str, ...] = ()
    """Availability zones of one that is made (``eu-west-1a``); none with ``subnets``."""
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    scheme: Literal["internal", "internet-facing"] = "internal"
    names: dict[str, str] = {}
    """Names of load balancers by cluster, where they are not ``OWNER-CLUSTER``."""
    endpoint: Annotated[str, Meta(pattern=r"^(|https?://[^/]+:[0-9]+)$")] = ""
    """``https://HOST:PORT`` of the API; empty: AWS' own."""

    def __post_init__(self) -> None:
        """Refuse one that is made nowhere."""
        if self.create and bool(self.zones) == bool(self.subnets):
            raise ValueError("create = true needs zones or subnets, not both")


class Account(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One account at one cloud."""

    driver: Annotated[str, Meta(pattern=r"^[a-z0-9_]+$")]
    """libcloud's name of the compute driver: ``ec2``, ``openstack``, ``cloudstack``, ``gce`` ..."""
    owner: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    """Whose instances: the tag that tells this Pileus' instances from all others in the account."""
    identity: Reference = ""
    """Access key, user or API key."""
    secret: Reference = ""
    """Secret key, password or token."""
    regions: Annotated[tuple[str, ...], Meta(min_length=1)] = ("",)
    """Every region in use: all of them are looked at. An empty one: the driver has none."""
    options: dict[str, str | int | float | bool] = {}
    """Further arguments of the driver (``host``, ``secure``, ``ex_force_auth_url`` ...); texts may be references."""
    properties: dict[str, str] = {}
    """Properties of every partition; a cartridge's or partition's own of the same name counts more."""
    address: Literal["private", "public"] = "private"
    """Which address of an instance balancers send requests to."""
    timeout_s: Seconds = 20.0
    """How long one HTTP call may take."""
    end_s: Seconds = 100.0
    """How long a terminated instance may take to be gone."""
    poll_s: Seconds = 2.0
    """How often an instance that ends is looked at."""
    look_s: Annotated[float, Meta(ge=0, le=3600)] = 5.0
    """Least time between two listings of all instances."""
    concurrency: Annotated[int, Meta(ge=1, le=64)] = 4
    """Calls under way at once."""
    calls_per_s: Annotated[float, Meta(gt=0, le=1000)] = 5.0
    """Launches, terminations and listings begun per second, in the mean."""
    broker: str = ""
    """Kafka as instances reach it; empty: the setting ``broker``."""
    install: str = ""
    """Shell command that installs the cartridge agent; empty: the image has it."""
    agent: Annotated[tuple[str, ...], Meta(min_length=1)] = ("pileus", "agent", "--host")
    """Command line of the cartridge agent on an instance."""
    user_data: Literal["cloud-init", "ignition", "none"] = "cloud-init"
    """Form of the user data; the property ``userData`` of a partition counts more."""
    balancer: LoadBalancing = LoadBalancing()


def load_accounts(file: Path) -> dict[str, Account | KubernetesAccount]:
    """Read the accounts, by name.

    Raises
    ------
    ConfigError
        The file cannot be read, or a table is no account; everything that is wrong is told.
    """
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError([Problem(file=str(file), bound=f"must be TOML that can be read: {error}")]) from error
    accounts, problems = dict[str, Account | KubernetesAccount](), list[Problem]()
    for name, table in tables.items():
        try:
            given = {"driver": name, **table} if isinstance(table, dict) else table
            if isinstance(given, dict) and given["driver"] == "kubernetes":
                accounts[name] = msgspec.convert(given, KubernetesAccount)
            else:
                accounts[name] = msgspec.convert(given, Account)
        except msgspec.ValidationError as error:
            problems.append(Problem(file=str(file), path=name, bound=str(error)))
    if problems:
        raise ConfigError(problems)
    return accounts


def resolve(reference: str) -> str:
    """Return the secret that a reference names; any other text is itself.

    Raises
    ------
    LookupError
        It is not there. The message names the reference, never a value.
    """
    kind, _, where = reference.partition(":")
    if kind == "env":
        if where not in os.environ:
            raise LookupError(f"environment variable {where} is not set")
        return os.environ[where]
    if kind == "file" and where.startswith("/"):
        try:
            return Path(where).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise LookupError(f"{where} cannot be read: {type(error).__name__}") from None
    return reference
