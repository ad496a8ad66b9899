"""AWS' classic load balancers for a balancer agent: the account, and how definitions say that clusters are served."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from config.accounts import Account, load_accounts
from config.cartridge import Cartridge
from config.catalogue import Catalogue, load
from config.settings import Settings
from pileus.stack.clouds import of_stack

if TYPE_CHECKING:
    from actuators.balancers.elb_requests import Front
    from pileus.balancers import Adapter


def elb(
    directory: Path,
    application: tuple[str, str],
    clusters: Sequence[str],
    *,
    settings: Settings,
    account: str,
    definitions: Sequence[Path],
) -> "Adapter":
    """Return the adapter for the load balancers of some clusters of an application (tenant and id).

    Raises
    ------
    ConfigError, ValueError
        The account, or what the definitions say of a cluster, cannot be used.
    """
    from actuators.balancers.elb import ElbBalancer  # noqa: PLC0415 - only the one that is used
    from actuators.balancers.elb_requests import Front  # noqa: PLC0415 - as above

    catalogue = load(definitions) if definitions else None
    fronts = {each: front(catalogue, application, each) if catalogue else Front() for each in clusters}
    return ElbBalancer(directory, _account(settings, account), fronts)


def front(catalogue: Catalogue, application: tuple[str, str], cluster: str) -> "Front":
    """Return how a cluster is served: a listener for each port mapping, its health probe, its time to drain.

    Raises
    ------
    ValueError
        There is no such cluster, or a port mapping speaks what a classic load balancer does not.
    """
    from actuators.balancers.elb_requests import Front, listener  # noqa: PLC0415 - only where it is used

    tenant, name = application
    there = [a for a in catalogue.applications() if (a.tenant, a.application) == application]
    found = next((each for a in there for each in a.clusters() if each.cluster == cluster), None)
    cartridge = catalogue.get(Cartridge, tenant, found.cartridge.cartridge) if found else None
    if found is None or cartridge is None:
        raise ValueError(f"--definitions: no cluster '{cluster}' of application '{name}' of tenant '{tenant}'")
    return Front(
        listeners=tuple(
            listener(each.protocol, each.proxy_port or each.port, each.port) for each in cartridge.port_mapping
        ),
        health=found.cartridge.health.removeprefix("http:") if found.cartridge.health.startswith("http:") else "",
        draining_s=found.cartridge.drain_s,
    )


def _account(settings: Settings, name: str) -> Account:
    """Return the account of that name."""
    accounts = load_accounts(Path(settings.clouds_file)) if settings.clouds_file else {}
    if name not in accounts:
        there = ", ".join(sorted(accounts)) or "none"
        raise ValueError(f"--account '{name}': no account of that name in clouds_file, there is {there}")
    account = accounts[name]
    if not isinstance(account, Account) or account.driver != "ec2":
        raise ValueError(f"--account '{name}': driver {account.driver!r}: must be ec2")
    return of_stack(account, settings)
