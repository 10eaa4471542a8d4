"""CPU of each step of reading a page: `python -m bench.read_steps FILE...` (pictures). Children (Tesseract) count."""

from __future__ import annotations

import resource
import sys
from collections import defaultdict
from pathlib import Path

from pipeline.config import load_settings
from pipeline.ocr.pixels import Grey
from pipeline.ocr.reading import read_page
from pipeline.records import Page


def cpu() -> float:
    """Seconds of CPU used so far, by this process and those it waited for."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def main() -> None:
    spent: dict[str, float] = defaultdict(float)
    settings = load_settings().ocr
    files = [Path(name) for name in sys.argv[1:]]
    for number, file in enumerate(files):
        last = [cpu()]

        def watch(step: str, picture: Grey, last: list[float] = last, first: bool = number == 0) -> None:
            del picture
            now = cpu()
            spent[step] += 0 if first else now - last[0]
            last[0] = now

        read_page(Page(scan="", number=1, image=file.name), file, settings, watch)
        watch("pdf-preview", None)  # type: ignore[arg-type]
    pages = max(1, len(files) - 1)
    for step, seconds in spent.items():
        print(f"{step:14} {1000 * seconds / pages:8.1f} ms a page")
    print(f"{'all':14} {1000 * sum(spent.values()) / pages:8.1f} ms a page (not counted: the first, which starts the engines)")


if __name__ == "__main__":
    main()
