"""The process that opens files: it may run into any limit and die, and costs no more than one page or one file.

Requests come as lines of JSON on standard input, answers go as lines of JSON to standard output; it ends with its input.
    {"open": FILE, "kind": MEDIA_TYPE, "scratch": DIR, "work": DIR, "limits": {...}, "careful": bool}
        -> {"pages": N, "notes": [[code, detail]]} or {"refused": CODE, "detail": TEXT}
    {"page": N, "careful": bool} -> a sheet's fields
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.errors import BadInput, MissingProgram
from pipeline.ingest.kinds import PDF
from pipeline.ingest.sheets import Limits, Opened
from pipeline.store.scratch import Scratch

LARGEST_OUTPUT = 1_000_000_000  # bytes of any one file that it or poppler writes


def limit_resources(limits: Limits, cpu_seconds: float) -> None:
    """Bound memory, the size of written files and the CPU time until the next request; no core files."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = math.ceil(used.ru_utime + used.ru_stime + cpu_seconds)
    for which, value in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, LARGEST_OUTPUT),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, seconds),
    ):
        hard = resource.getrlimit(which)[1]
        resource.setrlimit(which, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def opened(request: dict[str, Any], limits: Limits) -> Opened:
    """Open the file that the request names. Raises BadInput."""
    file, scratch = Path(request["open"]), Scratch(Path(request["scratch"]))
    if request["kind"] == PDF:
        from pipeline.ingest.pdf import PdfFile

        return PdfFile(file, scratch, Path(request["work"]), limits, careful=bool(request.get("careful")))
    from pipeline.ingest.pictures import PictureFile

    return PictureFile(file, request["kind"], scratch, limits)


def serve() -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # what a library prints must not become an answer, nor its warnings a log with a patient's text
    os.dup2(nowhere, 2)
    current: Opened | None = None
    limits: Limits | None = None
    for line in sys.stdin.buffer:
        request = json.loads(line)
        try:
            if "open" in request:
                if current is not None:
                    current.close()
                    current = None
                limits = Limits(**request["limits"])
                limit_resources(limits, limits.open_seconds)
                current = opened(request, limits)
                answer: dict[str, Any] = {"pages": current.pages, "notes": current.notes}
            else:
                assert current is not None, "a file is opened before its pages"
                assert limits is not None
                limit_resources(limits, limits.page_seconds)
                answer = asdict(current.page(request["page"], bool(request.get("careful"))))
        except BadInput as error:
            answer = {"refused": error.code, "detail": ""}
        except MissingProgram as error:
            answer = {"missing": error.args[0], "remedy": error.remedy}
        except MemoryError:
            os._exit(3)  # what is left of the heap is not to be trusted
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve()
