"""Which pods there are, known by list and watch: one thread per namespace, nothing asked again and again.

A list, then a watch from its resource version. A watch that ends or breaks is opened again where it was; one that the
server refuses begins anew with a list: the version may be forgotten (410), or of the future (504, after a restore of
etcd). While that does not succeed, nothing is said of what pods there are.
"""

import threading
import time
from contextlib import suppress
from typing import Any

import structlog
import urllib3

from actuators.kube.answers import GONE, Refused
from actuators.kube.api import Api, Object
from actuators.ports import CloudError, TransientCloudError

WATCH_S = 240
"""How long one watch lasts, by our own wish (s); bookmarks come about once a minute."""
SILENT_S = 90.0
"""A watch from which nothing comes for longer is broken (s)."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 30.0
"""Between attempts that fail."""
LASTED_S = 30.0
"""A watch that was open so long was a success: a proxy that ends idle connections is no failure."""
FORGET = 10_000
"""So many pods that we know to be gone are remembered."""

log = structlog.get_logger()


class PodWatch:
    """The pods of one namespace (or of all) that carry ``labels``.

    Parameters
    ----------
    where : str
        Path of the list.
    """

    def __init__(self, api: Api, where: str, *, labels: str) -> None:
        self._api = api
        self._where = where
        self._labels = labels
        self._changed = threading.Condition()
        self._pods: dict[str, Object] = {}
        self._noted: dict[str, Object] = {}
        """Pods as we made them since the last list began: it may not have them yet."""
        self._gone: dict[str, None] = {}
        """Uids of pods that are known to be gone: older news of them do not count."""
        self._error: CloudError | None = None
        self._synced = False
        self._version = ""
        """Resource version to go on from; empty: with a list."""
        self._ending = threading.Event()
        self._stream: Any = None
        self._opened_at: float | None = None
        """When the watch under way was opened (s, monotonic)."""
        self._thread: threading.Thread | None = None

    def pods(self, *, within_s: float) -> list[Object]:
        """Return every pod. Blocks for the first list, at most ``within_s``.

        Raises
        ------
        CloudError
            It is not known, and why.
        """
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="kubernetes-watch", daemon=True)
                self._thread.start()
            self._changed.wait_for(lambda: self._synced or self._error is not None, timeout=within_s)
            if self._error is not None:
                raise self._error
            if not self._thread.is_alive() and not self._ending.is_set():
                raise TransientCloudError(f"kubernetes: {self._where}: what watches it has ended")
            if not self._synced:
                raise TransientCloudError(f"kubernetes: {self._where}: not listed within {within_s:g} s")
            return list(self._pods.values())

    def note(self, made: Object) -> None:
        """Count a pod as we made, changed or read it, though the watch may not have told it yet."""
        with self._changed:
            uid = made["metadata"]["uid"]
            if uid not in self._gone:
                self._noted[uid] = made
                self._keep(uid, made)

    def gone(self, uid: str) -> None:
        """Do not count a pod that is known to be gone, though the watch may not have told it yet."""
        with self._changed:
            self._drop(uid)

    def close(self) -> None:
        """End the thread, soon."""
        self._ending.set()
        if self._stream is not None:
            with suppress(OSError, ValueError, AttributeError, urllib3.exceptions.HTTPError):
                self._stream.shutdown()

    def _run(self) -> None:
        pause_s, expired = FIRST_PAUSE_S, False
        while not self._ending.is_set():
            self._opened_at = None
            try:
                self._version = self._version or self._list()
                self._follow()
                pause_s, expired = FIRST_PAUSE_S, False
                continue
            except Refused as answer:
                self._version, error = "", answer.error(f"watch {self._where}")
                again, expired = answer.status == GONE and not expired, answer.status == GONE
            except CloudError as broken:
                error, again = broken, self._lasted()
            except (KeyError, TypeError, AttributeError) as odd:
                self._version, again = "", False
                error = TransientCloudError(f"kubernetes: {self._where}: no pod: {odd!r}")
            if again:  # what is known stays as it is until it is there
                pause_s = FIRST_PAUSE_S
                continue
            self._failed(error)
            self._ending.wait(pause_s)
            pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)

    def _lasted(self) -> bool:
        """Say whether the watch that has broken was a success until then."""
        return self._opened_at is not None and time.monotonic() - self._opened_at >= LASTED_S

    def _failed(self, error: CloudError) -> None:
        """Note why nothing is known now."""
        if not self._ending.is_set():
            log.info("pods cannot be watched", where=self._where, error=str(error))
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _list(self) -> str:
        """List anew; return the list's resource version."""
        with self._changed:
            self._noted.clear()
        listed, version = self._api.pages(self._where, labels=self._labels)
        with self._changed:
            self._pods = {}
            for each in listed:
                if (uid := each["metadata"]["uid"]) not in self._gone:
                    self._keep(uid, each)
            for uid, each in self._noted.items():
                self._keep(uid, each)
        self._well()
        return version

    def _follow(self) -> None:
        """Watch until the stream ends."""
        query = {"labelSelector": self._labels, "resourceVersion": self._version, "allowWatchBookmarks": "true"}
        query["timeoutSeconds"] = str(WATCH_S)
        for event in self._api.lines(self._where, query=query, read_s=SILENT_S, opened=self._opened):
            kind, about = event["type"], event["object"]
            if kind == "ERROR":
                raise Refused(about.get("code", 0), reason=about.get("reason", ""), message=about.get("message", ""))
            if kind != "BOOKMARK":
                self._take(kind, about)
            self._version = about["metadata"]["resourceVersion"]

    def _take(self, kind: str, about: Object) -> None:
        """Take in one event."""
        uid = about["metadata"]["uid"]
        with self._changed:
            if kind == "DELETED":
                self._drop(uid)
            elif uid not in self._gone:
                self._keep(uid, about)

    def _keep(self, uid: str, about: Object) -> None:
        """Keep the newer of two states, without who has written which field: most of a pod's bytes."""
        about["metadata"].pop("managedFields", None)
        if uid not in self._pods or _version(self._pods[uid]) <= _version(about):
            self._pods[uid] = about

    def _drop(self, uid: str) -> None:
        self._pods.pop(uid, None)
        self._noted.pop(uid, None)
        self._gone[uid] = None
        while len(self._gone) > FORGET:
            del self._gone[next(iter(self._gone))]

    def _opened(self, stream: Any) -> None:
        """Note that a watch is under way: what is known is true again."""
        self._stream, self._opened_at = stream, time.monotonic()
        if self._ending.is_set():
            stream.shutdown()
        self._well()

    def _well(self) -> None:
        with self._changed:
            self._error, self._synced = None, True
            self._changed.notify_all()


def _version(about: Object) -> int:
    """Return a resource version as a number: those of one resource can be compared so (KEP-5504)."""
    text: str = about["metadata"]["resourceVersion"]
    return int(text) if text.isascii() and text.isdecimal() else 0
