"""Calls to a Kubernetes API server, through the official client: blocking, in a few threads, each with a time-out.

Nothing is repeated here. The client is made when it is first needed, and again after its credentials were refused, so
that a kubeconfig may change while we run; tokens of a service account the client reads anew by itself.
"""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

import urllib3
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import OpenApiException
from kubernetes.client.rest import RESTResponse
from kubernetes.config import ConfigException, load_incluster_config, load_kube_config

from actuators.kube.answers import GONE, TOO_MANY, UNAUTHORIZED, UNAVAILABLE, Refused, refused
from actuators.ports import CloudError, CredentialsError, TransientCloudError
from config.kubernetes_account import EVERYWHERE, KubernetesAccount

Object = dict[str, Any]
"""An object of the API, as its JSON."""

PAGE = 500
"""Objects per page of a list."""
MERGE = "application/merge-patch+json"
JSON = "application/json"
_from_file: Any = load_kube_config
_from_pod: Any = load_incluster_config
UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
"""What OpenSSL says of a server that is not the one that the kubeconfig's authority knows."""
SUCCESSES = range(200, 300)

T = TypeVar("T")


def path(
    resource: str, *, namespace: str = "", name: str = "", group: str = "", version: str = "v1", sub: str = ""
) -> str:
    """Return where a resource is: ``/apis/apps/v1/namespaces/shop/deployments/web/scale``.

    Without a namespace, or with ``*``: that of the whole cluster.
    """
    parts = ["apis", group, version] if group else ["api", version]
    parts += ["namespaces", namespace] if namespace not in {"", EVERYWHERE} else []
    return "/" + "/".join(quote(part, safe="") for part in [*parts, resource, name, sub] if part)


class Api:
    """One API server, as one account may use it.

    Parameters
    ----------
    account : KubernetesAccount
        How to reach it.
    clock : callable
        Monotonic time (s): how long the server wants to be left alone.
    """

    def __init__(self, account: KubernetesAccount, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.account = account
        self._threads = ThreadPoolExecutor(account.concurrency, thread_name_prefix="kubernetes")
        self._client: ApiClient | None = None
        self._lock = threading.Lock()
        self._clock = clock
        self._not_before = 0.0
        """The server asked not to be called before this time."""

    async def get(self, where: str, **query: str | int) -> Object:
        """Read an object.

        Raises
        ------
        Refused
            The server said no.
        TransientCloudError, CredentialsError
            It did not answer, wants to be left alone, or there are no credentials.
        """
        return await self._run(partial(self.call, "GET", where, query=query))

    async def create(self, where: str, body: Object) -> Object:
        """Create an object; raises as :meth:`get`."""
        return await self._run(partial(self.call, "POST", where, body=body))

    async def patch(self, where: str, body: Object) -> Object:
        """Merge ``body`` into an object (RFC 7386: ``None`` removes); raises as :meth:`get`."""
        return await self._run(partial(self.call, "PATCH", where, body=body, kind=MERGE))

    async def delete(self, where: str, *, uid: str, version: str = "", grace_s: int | None = None) -> Object:
        """Delete the object with this uid, and resource version if one is given; raises as :meth:`get`."""
        must = {"uid": uid} | ({"resourceVersion": version} if version else {})
        body: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": must}
        if grace_s is not None:
            body["gracePeriodSeconds"] = grace_s
        return await self._run(partial(self.call, "DELETE", where, body=body))

    async def items(self, where: str, *, labels: str) -> list[Object]:
        """Return every object with these labels, to the last page; raises as :meth:`get`."""
        listed, _ = await self._run(partial(self.pages, where, labels=labels))
        return listed

    def close(self) -> None:
        """Begin nothing more; calls under way end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def pages(self, where: str, *, labels: str) -> tuple[list[Object], str]:
        """Return every object with these labels, and the list's resource version. Blocks; raises as :meth:`get`.

        When the server has forgotten where we were (410), it is asked once more, for all in one page.
        """
        limit, found, token = PAGE, list[Object](), ""
        while True:
            query: dict[str, str | int] = {"labelSelector": labels, "limit": limit}
            if token:
                query["continue"] = token
            try:
                page = self.call("GET", where, query=query)
            except Refused as answer:
                if answer.status != GONE or not token:
                    raise
                limit, found, token = 0, [], ""
                continue
            found += page.get("items") or []
            token = page["metadata"].get("continue") or ""
            if not token:
                return found, page["metadata"]["resourceVersion"]

    def call(
        self,
        method: str,
        where: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Object | None = None,
        kind: str = JSON,
    ) -> Object:
        """Call and return the object in the answer. Blocks; raises as :meth:`get`."""
        answer = self._send(method, where, query or {}, body, kind, read_s=self.account.timeout_s)
        try:
            found = json.loads(answer.response.data)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise self._silent(error) from error
        if not isinstance(found, dict):
            raise TransientCloudError(f"kubernetes: {method} {where}: the answer is no object")
        return found

    def lines(
        self, where: str, *, query: Mapping[str, str | int], read_s: float, opened: Callable[[Any], None]
    ) -> Iterator[Object]:
        """Yield the events of a watch as they come. Blocks; raises as :meth:`get`.

        ``opened`` gets the stream, which another thread may ``shutdown``.
        """
        answer = self._send("GET", where, {**query, "watch": "true"}, None, JSON, read_s=read_s).response
        opened(answer)
        try:
            rest = b""
            while chunk := answer.read1(2**16):  # what there is, in chunks or not: stream() would wait for all of it
                *whole, rest = (rest + chunk).split(b"\n")
                yield from (json.loads(line) for line in whole if line.strip())
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise self._silent(error) from error
        finally:
            answer.close()

    async def _run(self, do: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, do)

    def _send(
        self, method: str, where: str, query: Mapping[str, str | int], body: Object | None, kind: str, *, read_s: float
    ) -> RESTResponse:
        """Send a request and return an answer that is a success."""
        if (left_s := self._not_before - self._clock()) > 0:
            raise TransientCloudError(f"kubernetes: the server wants to be left alone for {left_s:.1f} s more")
        client = self._connected()
        headers = {"Accept": JSON} | ({"Content-Type": kind} if body is not None else {})
        try:
            request = client.param_serialize(
                method,
                where,
                query_params=list(query.items()),
                header_params=headers,
                body=body,
                auth_settings=["BearerToken"],
            )
            answer = client.call_api(*request, _request_timeout=(self.account.timeout_s, read_s))
            if answer.status in SUCCESSES:
                return answer
            said = refused(answer.status, answer.response.data, answer.headers)
        except (urllib3.exceptions.HTTPError, OSError, ConfigException) as error:  # the last: a token that is gone
            raise self._silent(error) from error
        except OpenApiException as error:  # so the client tells faults of TLS, and nothing else here
            self._forget(client)
            if UNTRUSTED in str(error):
                raise CredentialsError(f"kubernetes: the server's certificate is not trusted: {error}") from error
            raise self._silent(error) from error
        if said.status == UNAUTHORIZED:
            self._forget(client)
        if said.status in {TOO_MANY, UNAVAILABLE}:
            self._not_before = self._clock() + said.retry_after_s
        raise said

    def _silent(self, error: Exception) -> CloudError:
        return TransientCloudError(f"kubernetes: no answer: {type(error).__name__}: {error}")

    def _connected(self) -> ApiClient:
        with self._lock:
            if self._client is None:
                self._client = ApiClient(_configuration(self.account))
            return self._client

    def _forget(self, client: ApiClient) -> None:
        """Read the credentials anew for the next call."""
        with self._lock:
            if self._client is client:
                self._client = None


def _configuration(account: KubernetesAccount) -> Configuration:
    """Return how the client reaches the server.

    Raises
    ------
    CredentialsError
        There is no kubeconfig, or none that can be used; or we do not run in a pod.
    """
    made = Configuration()
    made.retries = False
    made.connection_pool_maxsize = account.concurrency + len(account.looked_at)
    try:
        if account.kubeconfig:
            _from_file(
                account.kubeconfig,
                context=account.context or None,
                client_configuration=made,
                persist_config=False,
            )
        else:
            _from_pod(made)
    except Exception as error:  # noqa: BLE001 - what a bad file makes the client and its YAML raise is not declared
        place = account.kubeconfig or "service account of this pod"
        raise CredentialsError(f"kubernetes: {place}: {error}") from None
    return made
