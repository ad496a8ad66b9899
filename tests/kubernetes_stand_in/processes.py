"""A kubelet whose containers are processes of this machine: with it, pods of the stand-in serve real requests.

It is a client of the API server as a real one is: it watches pods, starts what is bound to its node, writes ``status``
with strategic merge patches, and on a deletion sends SIGTERM, waits for the grace, sends SIGKILL, and takes the object
away. What it lacks is isolation. A pod has an address of its own in 127.0.0.0/8 in place of a network namespace, so its
program is told to listen there and its agent to ask there; the agent measures the program's process in place of its
control group; and an image is nothing but a name: ``python3`` is the interpreter of the tests.
"""

import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
from kubernetes import client, watch

from tests.kubernetes_stand_in.pods import ENDED
from tests.kubernetes_stand_in.site import Site
from tests.kubernetes_stand_in.store import now_text

ROOT = Path(__file__).resolve().parents[2]
Object = dict[str, Any]
WATCH_S, LOOK_S, PROBE_S = 2, 0.05, 0.5
HOSTS = 250


@dataclass(slots=True)
class Containers:
    """What runs of one pod: its program, and the agent that its image starts beside it."""

    pod: Object
    host: str
    program: subprocess.Popen[bytes]
    agent: subprocess.Popen[bytes]
    ready: bool = False
    killed_at: float | None = None
    """When SIGKILL is due (s, monotonic); ``None``: it is not being deleted."""
    told: str = ""
    """The phase that was written last."""


class ProcessKubelet:
    """The kubelet of a site's node, whose pods are processes."""

    def __init__(self, site: Site, directory: Path) -> None:
        self.starts: Counter[str] = Counter()
        """How often a program was started, by name of the pod."""
        self.terms: dict[str, float] = {}
        """When a program was sent SIGTERM (s since the Unix epoch), by name of the pod."""
        self.kills: list[str] = []
        """Pods whose program had to be sent SIGKILL."""
        self.failed: list[str] = []
        """What went wrong: a fault of the kubelet's own."""
        self._site, self._directory = site, directory
        self._there: dict[str, Object] = {}
        """Pods on the node, by uid, as the watch has them."""
        self._running: dict[str, Containers] = {}
        self._ending = threading.Event()
        self._http = urllib3.PoolManager(retries=False, timeout=PROBE_S)
        self._threads = [threading.Thread(target=self._loop, args=(each,)) for each in (self._watch, self._care)]

    def start(self) -> None:
        """Begin."""
        for each in self._threads:
            each.start()

    def stop(self) -> list[str]:
        """End, and with it whatever still runs; return the names of those pods: normally none."""
        self._ending.set()
        for thread in self._threads:
            thread.join(10)
        left = [each.pod["metadata"]["name"] for each in self._running.values()]
        for each in self._running.values():
            _kill(each)
        return left

    def _loop(self, what: Any) -> None:
        while not self._ending.is_set():
            try:
                what()
            except (client.ApiException, urllib3.exceptions.HTTPError) as error:
                self._ending.wait(LOOK_S)  # the object is another by now, or the server ends
                if getattr(error, "status", 0) not in {0, 404, 409, 410}:
                    self.failed.append(str(error))
            except Exception:  # noqa: BLE001 - the tests are told of it at the end
                self.failed.append(traceback.format_exc())
                return

    def _watch(self) -> None:
        """List, then watch until the server does not remember."""
        core, namespace = self._site.core, self._site.name
        listed = self._site.cluster.client.sanitize_for_serialization(core.list_namespaced_pod(namespace))
        self._there = {each["metadata"]["uid"]: each for each in listed["items"] if self._mine(each)}
        version = listed["metadata"]["resourceVersion"]
        while not self._ending.is_set():
            follow: Any = watch.Watch
            for event in follow().stream(
                core.list_namespaced_pod, namespace, resource_version=version, timeout_seconds=WATCH_S
            ):
                pod: Object = event["raw_object"]
                version, uid = pod["metadata"]["resourceVersion"], pod["metadata"]["uid"]
                if event["type"] == "DELETED":
                    self._there.pop(uid, None)
                elif self._mine(pod):
                    self._there[uid] = pod

    def _mine(self, pod: Object) -> bool:
        return bool(pod["spec"].get("nodeName") == self._site.name)

    def _care(self) -> None:
        """Look once at every pod."""
        there = dict(self._there)
        for uid, pod in there.items():
            runs = self._running.get(uid)
            if runs is not None:
                self._look_after(uid, runs, pod, time.monotonic())
            elif pod["metadata"].get("deletionTimestamp"):
                self._remove(pod)
            elif pod["status"].get("phase") not in ENDED:
                self._run(uid, pod)
        for uid in self._running.keys() - there.keys():  # taken away with no grace: nothing of it may go on
            _kill(self._running.pop(uid))
        self._ending.wait(LOOK_S)

    def _run(self, uid: str, pod: Object) -> None:
        """Start a pod's program and its agent, and say so."""
        name = pod["metadata"]["name"]
        (container,) = pod["spec"]["containers"]
        host = f"127.77.0.{len(self.starts) % HOSTS + 2}"
        told = {each["name"]: each.get("value", "").replace("$$", "$") for each in container["env"]}
        told |= {"HOST": host, "PILEUS_HOST": host}  # no network namespace
        program = self._process(container["command"], told, self._directory / f"{name}.log")
        told |= {"PILEUS_MEASURE": f"pid:{program.pid}"}  # no control group
        agent = self._process(["python3", "-m", "pileus", "agent"], told, self._directory / f"{name}-agent.log")
        self.starts[name] += 1
        self._running[uid] = Containers(pod=pod, host=host, program=program, agent=agent)
        self._tell(self._running[uid], "Running", {"running": {"startedAt": now_text()}})

    def _look_after(self, uid: str, runs: Containers, pod: Object, now: float) -> None:
        """Do what is due for a pod that was started."""
        metadata, name = pod["metadata"], pod["metadata"]["name"]
        if metadata.get("deletionTimestamp") and runs.killed_at is None:
            runs.killed_at = now + metadata["deletionGracePeriodSeconds"]
            self.terms.setdefault(name, time.time())
            runs.program.send_signal(signal.SIGTERM)
        code = runs.program.poll()
        if code is None and runs.killed_at is not None and now >= runs.killed_at:
            self.kills.append(name)
            runs.program.kill()
        elif code is not None:
            _kill(runs)
            phase = "Failed" if code else "Succeeded"
            if runs.told != phase:
                self._tell(runs, phase, {"terminated": {"exitCode": code if code >= 0 else 128 - code}})
            if metadata.get("deletionTimestamp"):
                self._remove(pod)
                del self._running[uid]
        elif not runs.ready and self._is_ready(runs):
            runs.ready = True
            self._tell(runs, "Running", {"running": {"startedAt": now_text()}})

    def _tell(self, runs: Containers, phase: str, state: Object) -> None:
        """Write a pod's status."""
        runs.told, ready = phase, runs.ready and phase == "Running"
        (container,) = runs.pod["spec"]["containers"]
        said = {"imageID": "", "restartCount": 0, "ready": ready, "started": phase == "Running", "state": state}
        condition = {"status": str(ready), "lastTransitionTime": now_text()}
        status = {
            "phase": phase,
            "podIP": runs.host,
            "podIPs": [{"ip": runs.host}],
            "conditions": [{"type": kind, **condition} for kind in ("Ready", "ContainersReady")],
            "containerStatuses": [{"name": container["name"], "image": container["image"], **said}],
        }
        metadata = runs.pod["metadata"]
        body = {"metadata": {"uid": metadata["uid"]}, "status": status}
        self._site.core.patch_namespaced_pod_status(metadata["name"], metadata["namespace"], body)

    def _remove(self, pod: Object) -> None:
        """Take the object away, now that nothing of it runs."""
        metadata = pod["metadata"]
        options = {"gracePeriodSeconds": 0, "preconditions": {"uid": metadata["uid"]}}
        with suppress(client.ApiException):
            self._site.core.delete_namespaced_pod(metadata["name"], metadata["namespace"], body=options)
        self._there.pop(metadata["uid"], None)

    def _is_ready(self, runs: Containers) -> bool:
        """Ask as the readiness probe does; without one a pod is ready once it runs."""
        probe = runs.pod["spec"]["containers"][0].get("readinessProbe", {}).get("httpGet")
        if probe is None:
            return True
        try:
            return self._http.request("GET", f"http://{runs.host}:{probe['port']}{probe['path']}").status < 400
        except urllib3.exceptions.HTTPError:
            return False

    def _process(self, words: list[str], told: dict[str, str], file: Path) -> subprocess.Popen[bytes]:
        program = {"python3": sys.executable}.get(words[0], words[0])
        with file.open("ab") as out:
            return subprocess.Popen(
                [program, *(word.replace("$$", "$") for word in words[1:])],
                cwd=ROOT,
                env={"PATH": os.environ.get("PATH", os.defpath)} | told,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


def _kill(runs: Containers) -> None:
    """End what runs of a pod, as the end of its control group does."""
    for each in (runs.program, runs.agent):
        with suppress(ProcessLookupError):
            os.killpg(each.pid, signal.SIGKILL)
        each.wait(10)


@contextmanager
def processes(site: Site, directory: Path) -> Iterator[ProcessKubelet]:
    """Run the pods of a site as processes. The cluster must have no kubelets of its own."""
    kubelet = ProcessKubelet(site, directory)
    kubelet.start()
    try:
        yield kubelet
    finally:
        left = kubelet.stop()
    assert (kubelet.failed, left) == ([], [])
