"""The parent's side of the parser process: send requests, enforce time limits, and kill a process that does
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
from pipeline.ingest.parsing.parser_protocol import PROTOCOL

MAX_ANSWER_BYTES = 32_000_000
START_TIMEOUT_SECONDS = 120.0  # wall-clock time, for a very busy machine
MAX_FILES_PER_PARSER = 50
"""A child is replaced after this many files. Starting one costs about 0.1 s, and no leak or damage lasts
long.
"""


class ParserDied(Exception):
    """The child ended before it answered: it crashed or reached a limit."""


class ParserTimeout(Exception):
    """The child did not answer in time and was killed."""


class ParserFault(ChartloomError):
    """The child cannot start or is of another version. No file was opened, so no file is to blame."""

    code = "parser_fault"


class Parser:
    """One child process. It is gone after ParserDied or ParserTimeout. Creating one raises ParserFault."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.ingest.parsing.parser_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,  # so that its poppler programs are killed with it
            env={**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"},
        )
        self.files = 0
        self._check_protocol()

    def _check_protocol(self) -> None:
        """Wait until the child is ready, and check that it has the same protocol."""
        try:
            protocol = json.loads(self._line(time.monotonic() + START_TIMEOUT_SECONDS)).get("protocol")
        except (BrokenPipeError, ValueError, ParserTimeout):
            self.kill()
            raise ParserFault(
                "The program that opens files does not start.", "Run `chartloom doctor`."
            ) from None
        if protocol != PROTOCOL:
            self.kill()
            raise ParserFault("Chartloom was updated while it was running.", "Restart it.")

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Return the child's answer to a request. Raises ParserDied or ParserTimeout."""
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
                if not part or size > MAX_ANSWER_BYTES:
                    raise BrokenPipeError
                parts.append(part)
                if part.endswith(b"\n"):
                    return b"".join(parts)

    @property
    def is_exhausted(self) -> bool:
        """Whether the child has served its number of files, or has ended."""
        return self.files >= MAX_FILES_PER_PARSER or self._process.poll() is not None

    def kill(self) -> None:
        """Kill the child and the programs that it started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


_idle: list[tuple[int, Parser]] = []


def acquire() -> Parser:
    """Return an idle child of this process, or a new one."""
    while _idle:
        owner, parser = _idle.pop()
        if owner == os.getpid():
            if not parser.is_exhausted:
                return parser
            parser.kill()
    return Parser()


def release(parser: Parser) -> None:
    """Keep the child for the next file, or kill it if it is exhausted."""
    if parser.is_exhausted:
        parser.kill()
    else:
        _idle.append((os.getpid(), parser))


def close_idle() -> None:
    """Kill the idle children. They would end with this process anyway."""
    while _idle:
        owner, parser = _idle.pop()
        if owner == os.getpid():
            parser.kill()
