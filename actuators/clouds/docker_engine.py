"""The connection to a Docker engine: blocking calls in a few threads, each with a time-out, every error a typed one.

A client is made when it is first needed and again after it failed, so that an engine may come, go and be upgraded.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import requests
import urllib3
from docker import APIClient
from docker.errors import APIError, DockerException

from actuators.ports import CloudError, InvalidRequestError, OutOfCapacityError, TransientCloudError

THREADS = 8
"""Calls under way at once."""
PULLS = 2
"""Images pulled at once."""
CALL_S = 15.0
"""Most that the engine may take to answer (s)."""
PULL_S = 600.0
"""Most that an image may take to arrive (s)."""
SOCKET = "unix:///var/run/docker.sock"

NOT_FOUND = 404
CONFLICT = 409
_FULL = (
    "no space left on device",
    "port is already allocated",
    "address already in use",
    "cannot allocate memory",
    "address pools have been fully subnetted",
    "no available ipv4 addresses",
)
"""What the engine says when something has run out."""
_NEVER = ("executable file not found", "exec format error", "no such file or directory: unknown", "is a directory")
"""What the engine says of a command that no later attempt can execute."""
_CLIENT_ERRORS = range(400, 500)
_LATER = {408, CONFLICT, 425, 429}
"""Those of them that pass: a time-out, somebody else's change, too early, too many requests."""

T = TypeVar("T")


class EngineAnswer(Exception):  # noqa: N818 - an answer, which the caller understands or turns into an error
    """The engine answered with an error: ``status`` and its text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text

    @property
    def full(self) -> bool:
        """Return whether something has run out."""
        return any(said in self.text.lower() for said in _FULL)

    def error(self, what: str) -> CloudError:
        """Return the error that a caller of the cloud gets."""
        text = f"docker: {what}: {self.text}"
        if self.full:
            return OutOfCapacityError(text)
        wrong = self.status in _CLIENT_ERRORS and self.status not in _LATER
        if wrong or any(said in self.text.lower() for said in _NEVER):
            return InvalidRequestError(text)
        return TransientCloudError(text)


def connect(url: str, *, timeout_s: float = CALL_S) -> APIClient:
    """Return a client of the engine at ``url``, in the newest version of the API that both know.

    Raises
    ------
    DockerException
        It does not answer.
    """
    return APIClient(base_url=url, version="auto", timeout=timeout_s, max_pool_size=THREADS + PULLS)


class Engine:
    """Call an engine from a loop.

    Parameters
    ----------
    url : str
        ``unix:///var/run/docker.sock``, or what else the Docker SDK connects to.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="docker")
        self._pulling = ThreadPoolExecutor(PULLS, thread_name_prefix="docker-pull")
        self._pulls: dict[str, asyncio.Lock] = {}
        self._client: APIClient | None = None
        self._lock = threading.Lock()

    async def call(self, do: Callable[[APIClient], T]) -> T:
        """Call the engine.

        Raises
        ------
        EngineAnswer
            It answered with an error.
        TransientCloudError
            It did not answer.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._call, do)

    async def pull(self, image: str) -> None:
        """Let the engine fetch an image, once however many ask for it.

        Raises
        ------
        InvalidRequestError
            There is no such image.
        OutOfCapacityError
            The engine's disk is full.
        TransientCloudError
            The registry or the engine does not answer, or it took longer than ``PULL_S``.
        """
        async with self._pulls.setdefault(image, asyncio.Lock()):
            if await self.has_image(image):
                return
            loop = asyncio.get_running_loop()
            try:
                await loop.run_in_executor(self._pulling, self._call, lambda client: _pull(client, image))
            except EngineAnswer as answer:
                raise answer.error(f"pull {image}") from answer

    async def has_image(self, image: str) -> bool:
        """Return whether the engine has an image."""
        try:
            await self.call(lambda client: client.inspect_image(image))
        except EngineAnswer as answer:
            if answer.status == NOT_FOUND:
                return False
            raise answer.error(f"image {image}") from answer
        return True

    def close(self) -> None:
        """Let go of threads and connections; calls under way end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._pulling.shutdown(wait=False, cancel_futures=True)
        if self._client is not None:
            self._client.close()

    def _call(self, do: Callable[[APIClient], T]) -> T:
        """Call from a thread."""
        try:
            return do(self._connected())
        except APIError as error:
            status = error.response.status_code if error.response is not None else 0
            raise EngineAnswer(status, str(error.explanation or error)) from error
        except (DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise TransientCloudError(f"docker at {self.url} does not answer: {error}") from error

    def _connected(self) -> APIClient:
        """Return the client, made when there is none yet."""
        with self._lock:
            if self._client is None:
                self._client = connect(self.url)
            return self._client


def _pull(client: APIClient, image: str) -> None:
    """Pull an image and see it through."""
    name, tag = image, None
    if "@" not in image and ":" not in image.rpartition("/")[2]:
        tag = "latest"  # without it the engine fetches every tag
    until = time.monotonic() + PULL_S
    for said in client.pull(name, tag=tag, stream=True, decode=True):
        if (failure := failure_in(said)) is not None:
            raise failure
        if time.monotonic() > until:
            raise TransientCloudError(f"docker: pull {image}: longer than {PULL_S:g} s")


def failure_in(said: object) -> EngineAnswer | None:
    """Return the error in the middle of a pull or push, if it is one: the engine answered 200 before it knew."""
    if not isinstance(said, Mapping) or "error" not in said:
        return None
    text = str(said["error"])
    missing = ("not found", "manifest unknown", "access denied", "resource is denied")
    return EngineAnswer(NOT_FOUND if any(word in text.lower() for word in missing) else 500, text)
