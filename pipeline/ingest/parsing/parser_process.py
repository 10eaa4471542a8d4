"""The process that opens files: it may run into any limit and die, and costs no more than one page or one
file.

It begins by saying which language it speaks. Then requests come as lines of JSON on standard input, answers
go as lines of JSON
to standard output; it ends with its input. What is no fault of the file is answered as a fault of ours, or
kills it before it
has said anything: then no file is blamed for it.
    -> {"speaks": [...]}
    {"open": FILE, "kind": MEDIA_TYPE, "scratch": DIR, "work": DIR, "limits": {...}, "careful": bool}
        -> {"pages": N, "notes": [[code, detail]]} or {"refused": CODE, "detail": TEXT}
    {"page": N, "careful": bool} -> a sheet's fields
    any of them -> {"fault": CODE, "message": TEXT, "remedy": TEXT}
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import IO, Any

from pipeline.errors import InvalidInput, ChartloomError, MissingDependency
from pipeline.ingest.parsing.file_types import PDF
from pipeline.ingest.parsing.parser_protocol import PROTOCOL, Limits, OpenedFile
from pipeline.store.scratch import Scratch

MAX_OUTPUT_BYTES = 1_000_000_000  # bytes of any one file that it or poppler writes


def limit_resources(limits: Limits, cpu_seconds: float) -> None:
    """Bound memory, the size of written files and the CPU time until the next request; no core files."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = math.ceil(used.ru_utime + used.ru_stime + cpu_seconds)
    for which, value in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, MAX_OUTPUT_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, seconds),
    ):
        hard = resource.getrlimit(which)[1]
        resource.setrlimit(which, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def opener_for(request: dict[str, Any], limits: Limits) -> Callable[[], OpenedFile]:
    """How to open the file that the request names. What fails here is no fault of the file."""
    file, scratch = Path(request["open"]), Scratch(Path(request["scratch"]))
    if request["kind"] == PDF:
        from pipeline.ingest.parsing.pdf_pages import PdfFile

        return partial(
            PdfFile, file, scratch, Path(request["work"]), limits, careful=bool(request["careful"])
        )
    from pipeline.ingest.parsing.image_files import PictureFile

    return partial(PictureFile, file, request["kind"], scratch, limits)


def serve() -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(
        nowhere, 1
    )  # what a library prints must not become an answer, nor its warnings a log with a patient's text
    os.dup2(nowhere, 2)
    say = partial(_say, answers)
    say({"speaks": PROTOCOL})
    current: OpenedFile | None = None
    limits: Limits | None = None
    for line in sys.stdin.buffer:
        request = json.loads(line)
        try:
            if "open" in request:
                if current is not None:
                    current.close()
                    current = None
                limits = Limits(**request["limits"])
                opening = opener_for(request, limits)
                limit_resources(limits, limits.open_cpu_limit_seconds)
                current = opening()
                say({"pages": current.pages, "notes": current.notes})
            else:
                assert current is not None, "a file is opened before its pages"
                assert limits is not None
                limit_resources(limits, limits.page_cpu_limit_seconds)
                say(asdict(current.page(request["page"], bool(request["careful"]))))
        except InvalidInput as error:
            say({"refused": error.code, "detail": ""})
        except MissingDependency as error:
            say({"fault": error.code, "message": error.program, "remedy": error.install})
        except ChartloomError as error:
            say({"fault": error.code, "message": error.args[0], "remedy": error.remedy})
        except ImportError as error:
            say(
                {
                    "fault": "parser_fault",
                    "message": f"A module of the parser cannot be loaded: {error.name}.",
                    "remedy": "",
                }
            )
        except MemoryError:
            os._exit(3)  # what is left of the heap is not to be trusted


def _say(answers: IO[str], answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


if __name__ == "__main__":
    serve()
