"""One thread in place of Kubernetes' controllers, scheduler and kubelets: after each change it looks at all of it."""

import threading
import time
import traceback
from contextlib import suppress

from tests.kubernetes_stand_in import endpoints, scheduler, workloads
from tests.kubernetes_stand_in.api import Api
from tests.kubernetes_stand_in.deletion import delete
from tests.kubernetes_stand_in.kubelet import Kubelets
from tests.kubernetes_stand_in.pods import counted
from tests.kubernetes_stand_in.refusals import RefusedError
from tests.kubernetes_stand_in.resources import RESOURCES
from tests.kubernetes_stand_in.store import Store

STARTS_S, ENDS_S = 0.02, 0.02
SOON_S, IDLE_S = 0.01, 0.25
"""How long until the next look when something is due, and at most (s)."""


class Controllers:
    """They run from ``start`` to ``stop``; without ``kubelets``, somebody else looks after the pods on nodes."""

    def __init__(self, api: Api, *, starts_s: float = STARTS_S, ends_s: float = ENDS_S, kubelets: bool = True) -> None:
        self._kubelets = kubelets
        self.kubelets = Kubelets(api.store, starts_s=starts_s, ends_s=ends_s)
        self.failed: list[str] = []
        """What went wrong: a fault of the stand-in's own."""
        self._api = api
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="controllers", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for it."""
        self._ending.set()
        self._thread.join(5)

    def _run(self) -> None:
        store = self._api.store
        while not self._ending.is_set():
            with store.lock:
                try:
                    soon = self._look()
                except Exception:  # noqa: BLE001 - the tests are told of it at the end
                    self.failed.append(traceback.format_exc())
                    soon = True
                seen = store.version
            if soon:
                self._ending.wait(SOON_S)
            else:
                store.wait(since=seen, within_s=IDLE_S)

    def _look(self) -> bool:
        """Look once at everything; return whether something is due soon.

        Who acts upon another's work comes before it, and so sees it a look later, as where each has a process.
        """
        store = self._api.store
        before = store.version
        endpoints.follow(self._api)
        waiting = self._kubelets and self.kubelets.look_after(time.monotonic())
        scheduler.schedule(store)
        workloads.work(self._api)
        _count(store)
        _empty(store)
        return waiting or store.version != before


def _count(store: Store) -> None:
    """Write what of each quota is used."""
    for each in store.all("resourcequotas"):
        hard = each["spec"].get("hard") or {}
        used = {name: str(counted(store, each["metadata"]["namespace"])) for name in hard}
        store.replace(RESOURCES["resourcequotas"], {**each, "status": {"hard": hard, "used": used}})


def _empty(store: Store) -> None:
    """Take away namespaces that are being deleted, after what is in them."""
    for namespace in store.all("namespaces"):
        if not namespace["metadata"].get("deletionTimestamp"):
            continue
        name, left = namespace["metadata"]["name"], 0
        for of in RESOURCES.values():
            there = store.all(of.name, name) if of.namespaced else []
            left += len(there)
            for each in there:
                with suppress(RefusedError):
                    delete(store, of, each, {})
        if not left:
            store.remove(RESOURCES["namespaces"], namespace)
