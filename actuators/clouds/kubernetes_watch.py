"""Which pods there are, known by list and watch: one thread per namespace, nothing asked again and again.

A list, then a watch from its resource version. A watch that ends is opened again where it was; one that the server
cannot go on with (410) begins anew with a list. While that does not succeed, nothing is said of what pods there are.
"""

import threading
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
        self._error: Exception | None = None
        self._synced = False
        self._ending = threading.Event()
        self._stream: Any = None
        self._thread: threading.Thread | None = None

    def pods(self, *, within_s: float) -> list[Object]:
        """Return every pod. Blocks for the first list, at most ``within_s``.

        Raises
        ------
        Refused, CloudError
            It is not known, and why.
        """
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="kubernetes-watch", daemon=True)
                self._thread.start()
            self._changed.wait_for(lambda: self._synced or self._error is not None, timeout=within_s)
            if self._error is not None:
                raise self._error
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
        version, pause_s = "", FIRST_PAUSE_S
        while not self._ending.is_set():
            try:
                version = self._follow(version or self._list())
                pause_s = FIRST_PAUSE_S
            except (Refused, CloudError) as error:
                version = self._failed(error, version)
                if not version and isinstance(error, Refused) and error.status == GONE:
                    continue
                self._ending.wait(pause_s)
                pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)

    def _failed(self, error: Exception, version: str) -> str:
        """Note why nothing is known now; return where to go on, empty: with a list."""
        if self._ending.is_set():
            return ""
        if isinstance(error, Refused) and error.status == GONE:
            return ""  # what is known stays as it is until the list is there
        log.info("pods cannot be watched", where=self._where, error=str(error))
        with self._changed:
            self._error = error
            self._changed.notify_all()
        return version

    def _list(self) -> str:
        """List anew; return the list's resource version."""
        with self._changed:
            self._noted.clear()
        listed, version = self._api.pages(self._where, labels=self._labels)
        with self._changed:
            self._pods = {uid: each for each in listed if (uid := each["metadata"]["uid"]) not in self._gone}
            for uid, each in self._noted.items():
                self._keep(uid, each)
        self._well()
        return version

    def _follow(self, version: str) -> str:
        """Watch until the stream ends; return the resource version to go on from."""
        query = {"labelSelector": self._labels, "resourceVersion": version, "allowWatchBookmarks": "true"}
        query["timeoutSeconds"] = str(WATCH_S)
        for event in self._api.lines(self._where, query=query, read_s=SILENT_S, opened=self._opened):
            kind, about = event["type"], event["object"]
            if kind == "ERROR":
                raise Refused(about.get("code", 0), reason=about.get("reason", ""), message=about.get("message", ""))
            version = about["metadata"]["resourceVersion"]
            if kind != "BOOKMARK":
                self._take(kind, about)
        return version

    def _take(self, kind: str, about: Object) -> None:
        """Take in one event."""
        uid = about["metadata"]["uid"]
        with self._changed:
            if kind == "DELETED":
                self._drop(uid)
            elif uid not in self._gone:
                self._keep(uid, about)

    def _keep(self, uid: str, about: Object) -> None:
        """Keep the newer of two states."""
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
        self._stream = stream
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
