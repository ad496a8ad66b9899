"""libcloud's drivers, one per thread and region: a connection that two threads share mixes up their answers.

Calls block, so they run in threads of their own, as many as the account may have calls under way.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from libcloud.compute.providers import get_driver

from actuators.clouds.libcloud_dialects import Driver
from actuators.clouds.libcloud_errors import translated
from actuators.ports import CloudError, CredentialsError, InvalidRequestError
from config.accounts import Account, resolve

T = TypeVar("T")
Make = Callable[[str, Sequence[str], dict[str, Any]], Driver]

RETRIES = "LIBCLOUD_RETRY_FAILED_HTTP_REQUESTS"
"""libcloud's switch for repeating every failed request, creates too: that would launch twice."""

REGION = {"openstack": "ex_force_service_region", "gce": "datacenter"}
"""What drivers call the region, where it is not ``region``."""
DEFAULTS: dict[str, dict[str, Any]] = {
    "ec2": {"signature_version": "4"},  # with libcloud's own 2, AWS and others answer with an empty list
    "openstack": {"api_version": "2.2", "ex_force_auth_version": "3.x_password"},
}
UNTIMED = frozenset({"cloudstack", "exoscale"})
"""Drivers that take no ``timeout``, and would wait for 600 s."""


class Drivers:
    """The drivers of one account; ``make`` makes one from its region, credentials and arguments.

    Raises
    ------
    ValueError
        libcloud is told to repeat failed requests.
    """

    def __init__(self, account: Account, make: Make | None = None) -> None:
        if os.environ.get(RETRIES):
            raise ValueError(f"{RETRIES} is set: must not be, as libcloud then repeats creates as well")
        self.account = account
        self._make = make or partial(_compute, account)
        self._pool = ThreadPoolExecutor(account.concurrency, thread_name_prefix=f"cloud-{account.driver}")
        self._mine = threading.local()
        self._generation = 0
        """Drivers of an earlier one are not used any more: their credentials may be old."""

    async def call(self, region: str, what: str, act: Callable[[Driver], T]) -> T:
        """Run a blocking call with this thread's driver.

        The call goes on when the caller gives up waiting; each of its HTTP calls has a time-out.

        Raises
        ------
        CloudError
            What the cloud, or the way to it, said.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._run, region, what, act)

    def close(self) -> None:
        """Begin nothing more. What is under way ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self, region: str, what: str, act: Callable[[Driver], T]) -> T:
        given = self._given()
        try:
            return act(self._driver(region, given))
        except CloudError:
            raise
        except Exception as error:  # noqa: BLE001 - drivers raise anything; the port declares what comes of it
            found = translated(error, what, secrets=given.secrets)
            if isinstance(found, CredentialsError):
                self._generation += 1
            if isinstance(error, OSError):
                self._mine.drivers = {}  # its connection may be half way through an answer
            raise found from None  # the cause may show what is secret

    def _given(self) -> "_Given":
        """Read the credentials anew each time: they may be changed while we run."""
        account = self.account
        texts = {name: each for name, each in account.options.items() if isinstance(each, str)}
        try:
            credentials = tuple(resolve(each) for each in (account.identity, account.secret) if each)
            resolved = {name: resolve(each) for name, each in texts.items()}
        except LookupError as error:
            raise CredentialsError(f"credentials of {account.driver}: {error}") from None
        hidden = (resolved[name] for name, each in texts.items() if resolved[name] != each)
        return _Given(credentials, dict(account.options) | resolved, (*credentials, *hidden))

    def _driver(self, region: str, given: "_Given") -> Driver:
        """Return this thread's driver; one of other credentials is not used any more."""
        key = (self._generation, given.secrets)
        if getattr(self._mine, "key", None) != key:
            self._mine.key, self._mine.drivers = key, {}
        drivers: dict[str, Driver] = self._mine.drivers
        if region not in drivers:
            drivers[region] = self._connect(region, given)
        return drivers[region]

    def _connect(self, region: str, given: "_Given") -> Driver:
        """Make a driver. It connects at its first call."""
        account = self.account
        try:
            return self._make(region, given.credentials, given.options)
        except (AttributeError, TypeError, ValueError, NotImplementedError) as error:
            said = f"{type(error).__name__}: {error}"
            for secret in filter(None, given.secrets):
                said = said.replace(secret, "***")
            raise InvalidRequestError(f"driver {account.driver!r}: {said}") from None


@dataclass(frozen=True, slots=True)
class _Given:
    """What an account's references say now."""

    credentials: tuple[str, ...]
    options: dict[str, Any]
    secrets: tuple[str, ...]
    """Everything that no message may hold."""


def _compute(account: Account, region: str, credentials: Sequence[str], given: dict[str, Any]) -> Driver:
    """Make a compute driver."""
    driver: Driver = get_driver(account.driver)(*credentials, **_options(account, region, given))
    if account.driver in UNTIMED:
        driver.connection.timeout = account.timeout_s
        driver.connection.poll_interval = min(1.0, account.poll_s)
        driver.connection.connect()
    return driver


def _options(account: Account, region: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a driver beside its credentials."""
    options = DEFAULTS.get(account.driver, {}) | given
    if region:
        options[REGION.get(account.driver, "region")] = region
    if account.driver not in UNTIMED:
        options["timeout"] = account.timeout_s
    return options
