"""The process tree: its CPU time never falls, and it is gone when its root is."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.agent import process as module
from streams.agent.measure import GONE
from streams.agent.process import ProcessTree, Times, TreeTime
from tests.waiting import wait_until

ROOT, CHILD, OTHER = (1, 0.0), (2, 0.0), (3, 0.0)
Moment = Mapping[tuple[int, float], Times]


def times(own: float, waited: float = 0.0) -> Times:
    return Times(own + waited, waited)


# fmt: off
@pytest.mark.parametrize(
    ("moments", "used"),
    [
        pytest.param([{ROOT: times(5)}], [0.0], id="counts from the first look"),
        pytest.param([{ROOT: times(5)}, {ROOT: times(7)}], [0.0, 2.0], id="the root alone"),
        pytest.param([{ROOT: times(5)}, {ROOT: times(5), CHILD: times(1)}], [0.0, 1.0], id="a new child counts whole"),
        pytest.param([{ROOT: times(5), CHILD: times(3)}, {ROOT: times(5, waited=4)}], [0.0, 1.0],
                     id="an ended child is in what the root waited for"),
        pytest.param([{ROOT: times(5)}, {ROOT: times(5, waited=2)}], [0.0, 2.0], id="a child between two looks"),
        pytest.param([{ROOT: times(5), CHILD: times(3)}, {ROOT: times(5)}], [0.0, 0.0],
                     id="an ended child that nobody waited for takes nothing away"),
        pytest.param([{ROOT: times(5), CHILD: times(3)}, {ROOT: times(6), OTHER: times(1)}], [0.0, 2.0],
                     id="nor hides what others used"),
        pytest.param([{ROOT: times(5), CHILD: times(3), OTHER: times(1)}, {ROOT: times(5, waited=4)}], [0.0, 0.0],
                     id="child and grandchild ended"),
    ],
)
def test_time_of_a_tree(moments: list[Moment], used: list[float]) -> None:
    tree = TreeTime()

    assert [tree.advance(moment) for moment in moments] == used
# fmt: on


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from([ROOT, CHILD, OTHER]),
            st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)).map(lambda t: times(t[0], t[1])),
        ),
        min_size=1,
    )
)
def test_time_of_a_tree_never_falls(moments: list[Moment]) -> None:
    tree = TreeTime()
    used = [tree.advance(moment) for moment in moments]

    assert used == sorted(used)


FAMILY = """
import os, sys, time
block = bytearray(40 << 20)
child = os.fork()
if child == 0:
    print("up", flush=True)
    time.sleep(60)
os.waitpid(child, 0)
"""
BUSY = """
import os, sys
for _ in sys.stdin:
    if os.fork() == 0:
        end = os.times().user + 0.2
        while os.times().user < end: pass
        os._exit(0)
    os.wait()
    print("done", flush=True)
"""


def run(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def end(process: subprocess.Popen[str]) -> None:
    for child in psutil.Process(process.pid).children() if process.poll() is None else []:
        child.kill()
    process.kill()
    process.communicate(timeout=10)


@pytest.fixture
def family() -> Iterator[subprocess.Popen[str]]:
    process = run(FAMILY)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    yield process
    end(process)


@pytest.fixture
def busy() -> Iterator[subprocess.Popen[str]]:
    process = run(BUSY)
    yield process
    end(process)


@pytest.mark.parametrize("listed", [True, False], ids=["by the kernel's lists", "by looking at all"])
def test_memory_counts_shared_pages_once(
    family: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch, *, listed: bool
) -> None:
    if listed and not module.KERNEL_LISTS_CHILDREN:
        pytest.skip("this kernel has no lists of children")
    monkeypatch.setattr(module, "KERNEL_LISTS_CHILDREN", listed)
    resident = [psutil.Process(family.pid).memory_info().rss]
    resident += [child.memory_info().rss for child in psutil.Process(family.pid).children()]
    assert len(resident) == 2
    usage = ProcessTree(family.pid, memory_limit=1 << 30).measure(at=0.0)

    assert usage.memory_consumption is not None
    used = usage.memory_consumption / 100 * (1 << 30)
    assert 40 << 20 < used < sum(resident) - (30 << 20)


def test_the_work_of_ended_children_is_the_instances_load(busy: subprocess.Popen[str]) -> None:
    tree = ProcessTree(busy.pid, cpus=2)
    first = tree.measure(at=0.0)
    assert busy.stdin is not None
    assert busy.stdout is not None
    busy.stdin.write("go\n")
    busy.stdin.flush()
    assert busy.stdout.readline() == "done\n"
    second = tree.measure(at=1.0)

    assert first.load_average is None
    assert second.load_average is not None
    assert second.load_average >= 9.0  # 0.2 s of 2 processors in 1 s, less clock ticks


def test_a_process_that_never_was_is_gone() -> None:
    assert ProcessTree(2**22 + 1).measure(at=0.0) == GONE


@pytest.mark.parametrize("reaped", [True, False], ids=["reaped", "a zombie"])
def test_a_process_that_ended_is_gone(busy: subprocess.Popen[str], *, reaped: bool) -> None:
    tree = ProcessTree(busy.pid)
    assert tree.measure(at=0.0).present
    busy.send_signal(signal.SIGKILL)
    if reaped:
        busy.wait(10)
    else:
        zombie = psutil.Process(busy.pid)
        wait_until(lambda: zombie.status() == psutil.STATUS_ZOMBIE, within_s=10, what="a zombie")

    assert tree.measure(at=1.0) == GONE
