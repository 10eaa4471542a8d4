"""The process that opens files. It may reach any limit and die, which costs at most one page or one file.

Requests are lines of JSON on standard input, answers are lines of JSON on standard output. It starts by
stating its protocol, and ends with its input. An error that is not the file's is answered as a fault, or
kills the process before its first answer: then no file is blamed.

    -> {"protocol": [...]}
    {"open": FILE, "kind": MEDIA_TYPE, "scratch": DIR, "work": DIR, "limits": {...}, "careful": bool}
        -> {"pages": N, "notes": [[code, detail]]} or {"rejected": CODE, "detail": TEXT}
    {"page": N, "careful": bool} -> the fields of a ParsedPage
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

from pipeline.errors import ChartloomError, InvalidInput, MissingDependency
from pipeline.ingest.parsing.file_types import PDF
from pipeline.ingest.parsing.parser_protocol import PROTOCOL, Limits, OpenedFile
from pipeline.ingest.parsing.rejections import detail_of
from pipeline.store.scratch import Scratch

MAX_OUTPUT_BYTES = 1_000_000_000  # of any one file that it or poppler writes


def limit_resources(limits: Limits, cpu_seconds: float) -> None:
    """Limit memory, file sizes and the CPU time until the next request; allow no core files."""
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
    """Return the function that opens the file of a request. What fails here is not the file's fault."""
    file, scratch = Path(request["open"]), Scratch(Path(request["scratch"]))
    if request["kind"] == PDF:
        from pipeline.ingest.parsing.pdf_container import PdfContainer

        return partial(
            PdfContainer, file, scratch, Path(request["work"]), limits, careful=bool(request["careful"])
        )
    from pipeline.ingest.parsing.image_files import RasterFile

    return partial(RasterFile, file, request["kind"], scratch, limits)


def serve() -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    null_device = os.open(os.devnull, os.O_WRONLY)
    # What a library prints must not become an answer, and its warnings not a log with a patient's text.
    os.dup2(null_device, 1)
    os.dup2(null_device, 2)
    answer = partial(_answer, answers)
    answer({"protocol": PROTOCOL})
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
                answer({"pages": current.pages, "notes": current.notes})
            else:
                assert current is not None, "a file is opened before its pages"
                assert limits is not None
                limit_resources(limits, limits.page_cpu_limit_seconds)
                answer(asdict(current.page(request["page"], bool(request["careful"]))))
        except InvalidInput as error:
            answer({"rejected": error.code, "detail": detail_of(error)})
        except MissingDependency as error:
            answer({"fault": error.code, "message": error.program, "remedy": error.install})
        except ChartloomError as error:
            answer({"fault": error.code, "message": error.args[0], "remedy": error.remedy})
        except ImportError as error:
            answer(
                {
                    "fault": "parser_fault",
                    "message": f"A module of the parser cannot be loaded: {error.name}.",
                    "remedy": "",
                }
            )
        except MemoryError:
            os._exit(3)  # the heap may be damaged


def _answer(answers: IO[str], fields: dict[str, Any]) -> None:
    answers.write(json.dumps(fields) + "\n")
    answers.flush()


if __name__ == "__main__":
    serve()
