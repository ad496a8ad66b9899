"""Become a member of the local cloud: claim its name, then turn into its command.

Run as a script, by path, before every process that the local cloud starts:
``python -I -S local_claim.py CLAIM PROGRAM [ARGUMENT ...]``. It is the proof that a member runs
at most once, wherever Pileus is killed: the command runs only in the process whose pid stands in
the file CLAIM; link(2) lets one process write that file; and a member that is to end has had its
folder moved away before, so that nobody can write it any more. Only the standard library, and
little of it: this is on the way of every start.
"""

import contextlib
import os
import signal
import sys
from typing import NoReturn

REPORT = 3
"""Descriptor on which a failed exec is reported (its errno); closed by exec itself when it succeeds."""
NOT_CLAIMED = 75
"""Exit status when another process is this member, or the member is to end."""
NOT_EXECUTED = 126
"""Exit status when the command cannot be executed."""


def claim(path: str) -> None:
    """Write this process's pid to ``path``, which must not exist; whole or not at all.

    Raises
    ------
    OSError
        Somebody else has written it, or its folder is gone.
    """
    mark = f"{path}.{os.getpid()}"
    descriptor = os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.write(descriptor, str(os.getpid()).encode())
    os.close(descriptor)
    try:
        os.link(mark, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(mark)  # noqa: PTH108 - pathlib costs more than everything else here


def become(path: str, command: list[str]) -> NoReturn:
    """Claim ``path`` and turn into ``command``, as the leader of a session of its own."""
    os.set_inheritable(REPORT, False)  # noqa: FBT003 - the signature is Python's
    os.setsid()
    try:
        claim(path)
    except OSError:
        sys.exit(NOT_CLAIMED)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # Python ignores them, and that would be inherited
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)  # noqa: PTH108 - as above; nothing ran, so nothing is claimed
        os.write(REPORT, str(error.errno).encode())
    sys.exit(NOT_EXECUTED)


if __name__ == "__main__":
    become(sys.argv[1], sys.argv[2:])
