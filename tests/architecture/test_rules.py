"""The rules of ``tests/conftest.py``: in CI a test that needs a real part may not be skipped."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT
from tests.waiting import until, wait_until

NEEDS_A_PART = "import pytest\n@pytest.mark.integration\ndef test_it():\n    pytest.skip('no such part here')\n"
ORDINARY = "import pytest\ndef test_it():\n    pytest.skip('not on this system')\n"
WHOLE = "import pytest\npytest.skip('no such part here', allow_module_level=True)\n"
EXPECTED = "import pytest\n@pytest.mark.integration\n@pytest.mark.xfail\ndef test_it():\n    assert 0\n"
BY_FIXTURE = "def test_it(program):\n    program('there-is-no-such-program')\n"


@pytest.mark.parametrize(
    ("code", "ci", "exit_code", "said"),
    [
        pytest.param(
            NEEDS_A_PART, "1", 1, "forbids it: Skipped: no such part here", id="a skip for a missing part fails in CI"
        ),
        pytest.param(NEEDS_A_PART, "", 0, "0 ran, 1 skipped", id="elsewhere it is a skip, and counted"),
        pytest.param(
            BY_FIXTURE, "1", 1, "there-is-no-such-program", id="who asks for a real part is an integration test"
        ),
        pytest.param(WHOLE, "1", 2, "skipped whole", id="a file that skips itself fails in CI"),
        pytest.param(WHOLE, "", 5, "1 skipped", id="elsewhere it is a skip too"),
        pytest.param(ORDINARY, "1", 0, "1 skipped", id="a skip for another reason stays one"),
        pytest.param(EXPECTED, "1", 0, "1 xfailed", id="an expected failure is no skip"),
    ],
)
def test_a_skip(tmp_path: Path, code: str, ci: str, exit_code: int, said: str) -> None:
    (tmp_path / "test_it.py").write_text(code)
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-c", str(ROOT / "pyproject.toml")]
    command += ["-p", "no:cacheprovider", f"--rootdir={tmp_path}", str(tmp_path)]

    ran = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PILEUS_CI": ci}, capture_output=True, text=True, check=False, timeout=120
    )

    assert (ran.returncode, said in ran.stdout) == (exit_code, True), ran.stdout + ran.stderr


def test_waiting_ends_as_soon_as_the_condition_holds() -> None:
    looks = iter([False, False, True])

    wait_until(lambda: next(looks), within_s=60, what="the third look")

    assert list(looks) == []


def test_waiting_in_vain_says_for_what() -> None:
    with pytest.raises(AssertionError, match=r"not within 0\.05 s: the impossible"):
        wait_until(lambda: False, within_s=0.05, what="the impossible")


@pytest.mark.looptime
async def test_waiting_in_a_loop_goes_by_the_loops_clock() -> None:
    with pytest.raises(AssertionError, match=r"not within 60 s: the impossible"):
        await until(lambda: False, within_s=60, what="the impossible")
