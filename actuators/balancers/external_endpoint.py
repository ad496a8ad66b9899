"""A service that answers each line with a line, by HTTP POST, within a time."""

import http.client
import urllib.error
import urllib.request

from actuators.balancers.external_program import LONGEST, NoAnswerError


class Endpoint:
    """A service at ``url``. Its life is its own: what is said of starts and ends here is about our trust in it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._ask = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.alive = False
        """False: it is told again who is wanted before anything else."""

    def start(self) -> None:
        """Begin to trust it."""
        self.alive = True

    def ask(self, line: bytes, timeout_s: float) -> bytes:
        """Post a line and return the answer; each step of the way (connect, read) may take ``timeout_s``.

        Raises
        ------
        NoAnswerError
            There is none, it is no success, or it is too long.
        """
        asked = urllib.request.Request(  # noqa: S310 - the file's reader lets http and https through
            self._url, data=line, headers={"Content-Type": "application/json"}, method="POST"
        )
        try:
            with self._ask.open(asked, timeout=timeout_s) as answer:
                said: bytes = answer.read(LONGEST + 1)
        except (OSError, urllib.error.URLError, http.client.HTTPException) as error:
            self.alive = False
            raise NoAnswerError(str(error)) from error
        if len(said) > LONGEST:
            self.alive = False
            raise NoAnswerError(f"an answer of more than {LONGEST} bytes")
        return said.strip()

    def end(self, within_s: float = 0.0) -> None:  # noqa: ARG002 - a program may take its time
        """Trust it no more."""
        self.alive = False
