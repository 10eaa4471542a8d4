"""The parent's side of the parser's child process: asks, waits no longer than allowed, and kills what does
not answer.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

from pipeline.errors import ChartloomError
from pipeline.ingest.parsing.parser_protocol import SPEAKS

LONGEST_ANSWER = 32_000_000
START_SECONDS = 120.0  # by the clock, on a machine that is very busy
MOST_FILES = 50
"""A child is used for so many files, then replaced: starting one costs about 0.1 s, and no leak or damage
lives long.
"""


class ParserDied(Exception):
    """The child ended before it answered: a crash, or a limit that was reached."""


class ParserTimeout(Exception):
    """The child did not answer in time and was killed."""


class ParserFault(ChartloomError):
    """The child cannot start, or is of another version: nothing was opened, and no file is to blame."""

    code = "parser_fault"


class Parser:
    """One child process. After ParserDied or ParserTimeout it is gone. Making one raises ParserFault."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.ingest.parsing.parser_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,  # its poppler programs die with it
            env={**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"},
        )
        self.files = 0
        self._greet()

    def _greet(self) -> None:
        """Wait until it says that it is there and speaks our language."""
        try:
            speaks = json.loads(self._line(time.monotonic() + START_SECONDS)).get("speaks")
        except (BrokenPipeError, ValueError, ParserTimeout):
            self.kill()
            raise ParserFault(
                "The program that opens files does not start.", "Run `chartloom doctor`."
            ) from None
        if speaks != SPEAKS:
            self.kill()
            raise ParserFault("Chartloom was changed while it was running.", "Start it again.")

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The child's answer. Raises ParserDied or ParserTimeout."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            answer: dict[str, Any] = json.loads(self._line(time.monotonic() + seconds))
        except (BrokenPipeError, ValueError) as error:
            self.kill()
            raise ParserDied from error
        return answer

    def _line(self, end: float) -> bytes:
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        parts: list[bytes] = []
        size = 0
        with selectors.DefaultSelector() as ready:
            ready.register(pipe, selectors.EVENT_READ)
            while True:
                if not ready.select(max(0.0, end - time.monotonic())):
                    self.kill()
                    raise ParserTimeout
                part = os.read(pipe, 1 << 16)
                size += len(part)
                if not part or size > LONGEST_ANSWER:
                    raise BrokenPipeError
                parts.append(part)
                if part.endswith(b"\n"):
                    return b"".join(parts)

    @property
    def worn(self) -> bool:
        """Has it served long enough, or ended?"""
        return self.files >= MOST_FILES or self._process.poll() is not None

    def kill(self) -> None:
        """End it and the programs it started, at once."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


_idle: list[tuple[int, Parser]] = []


def borrow() -> Parser:
    """An idle child of this process, or a new one."""
    while _idle:
        owner, parser = _idle.pop()
        if owner == os.getpid():
            if not parser.worn:
                return parser
            parser.kill()
    return Parser()


def give_back(parser: Parser) -> None:
    """Keep the child for the next file, unless it is worn."""
    if parser.worn:
        parser.kill()
    else:
        _idle.append((os.getpid(), parser))


def end_idle() -> None:
    """End the idle children; they would end with this process anyway."""
    while _idle:
        owner, parser = _idle.pop()
        if owner == os.getpid():
            parser.kill()
