"""The way to Elastic Load Balancing: libcloud's ELB driver, in threads of its own, within the account's limits.

Of the driver its connection is used: it signs, connects and finds errors. What it lacks are time-outs, tags at a
create, other ports behind a listener, draining, health, and more than one instance in a call; its load balancers cache
their members.
"""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from libcloud.common.exceptions import BaseHTTPError
from libcloud.loadbalancer.drivers.elb import ROOT, ElasticLBDriver

from actuators.clouds.libcloud_dialects import Driver
from actuators.clouds.libcloud_drivers import Drivers
from actuators.clouds.limited import Turns
from actuators.ports import BalancerError, BalancerRefusedError, CloudError, CredentialsError, InvalidRequestError
from config.accounts import Account

MISSING = "LoadBalancerNotFound"
NO_INSTANCE = "InvalidInstance"


class Calls:
    """Calls of one account, one HTTP request each. Nothing is repeated here.

    Raises
    ------
    ValueError
        libcloud is told to repeat failed requests.
    """

    def __init__(self, account: Account) -> None:
        self.region = account.balancer.region or account.regions[0]
        self._drivers = Drivers(account, partial(_connect, account))
        self._turns = Turns("elb", calls_per_s=account.calls_per_s, clock=time.monotonic)

    async def ask(self, params: Mapping[str, str], *, unless: str = "") -> Element | None:
        """Call, and return the answer; ``None`` when it is the error whose code is ``unless``.

        Raises
        ------
        BalancerRefusedError
            Not until a person acts: credentials, rights, or a request that can never be.
        BalancerError
            No answer, throttled, or the circuit is open: later.
        """
        what = f"{params['Action']} {params.get('LoadBalancerName') or params.get('LoadBalancerNames.member.1', '')}"
        try:
            async with self._turns.turn():
                return await self._drivers.call(self.region, what, partial(_request, params, unless))
        except (CredentialsError, InvalidRequestError) as error:
            raise BalancerRefusedError(f"elb: {error}") from error
        except CloudError as error:
            raise BalancerError(f"elb: does not answer: {error}") from error

    async def sure(self, params: Mapping[str, str]) -> Element:
        """Call, and return the answer; any error is raised."""
        answer = await self.ask(params)
        assert answer is not None  # noqa: S101 - it was not to be
        return answer

    def close(self) -> None:
        """Begin nothing more."""
        self._drivers.close()


def _request(params: Mapping[str, str], unless: str, driver: Driver) -> Element | None:
    """Make one HTTP request in this thread."""
    try:
        answer: Element = driver.connection.request(ROOT, params=dict(params)).object
    except BaseHTTPError as error:
        if unless and unless in str(error):
            return None
        raise
    return answer


def _connect(account: Account, region: str, credentials: Sequence[str], given: dict[str, Any]) -> Driver:
    """Make libcloud's driver, and give its connection the time-out that its constructor does not take."""
    identity, secret = credentials
    make: Any = ElasticLBDriver
    driver: Driver = make(identity, secret, region, given.get("token"))
    connection = driver.connection
    connection.timeout = account.timeout_s
    if account.balancer.endpoint:
        at = urlsplit(account.balancer.endpoint)
        connection.secure, connection.host, connection.port = at.scheme == "https", at.hostname, at.port
    connection.connect()
    return driver
