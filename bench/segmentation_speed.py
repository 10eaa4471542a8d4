"""What sorting costs beside OCR: bar codes on pictures, and everything else on pages already read. CPU
milliseconds a page.

    python -m bench.segmentation_speed FILE... [--pages 40]

FILE are scans; they are read first, which is not counted.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from pipeline.classify.segmentation import segment_pages
from pipeline.commands.split import read_pages
from pipeline.config import load_settings
from pipeline.ingest.parsing.open_scan import open_scan
from pipeline.ocr.barcodes.decode import read_barcodes
from pipeline.store.scratch import Scratch


def main(argv: Sequence[str] | None = None) -> None:
    import tempfile

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--pages", type=int, default=40, help="how many pages at most")
    given = parser.parse_args(argv)
    cv2.setNumThreads(1)  # as workers have it
    settings = load_settings()
    codes: list[float] = []
    sorted_pages, sorting = 0, 0.0
    for file in given.files:
        if len(codes) >= given.pages:
            break
        with tempfile.TemporaryDirectory() as folder:
            scratch = Scratch(Path(folder))
            for page in open_scan(file, "", scratch, settings.intake):
                picture = (
                    cv2.imread(str(scratch.path(page.image)), cv2.IMREAD_GRAYSCALE) if page.image else None
                )
                if picture is not None:
                    began = time.process_time()
                    read_barcodes(np.asarray(picture, np.uint8))
                    codes.append(1000 * (time.process_time() - began))
        read = list(read_pages(file, settings))
        segment_pages(read[:1], settings.classify)  # the models are loaded once a process
        began = time.process_time()
        segment_pages(read, settings.classify)
        sorting += 1000 * (time.process_time() - began)
        sorted_pages += len(read)
    told = {
        "pages": len(codes),
        "bar_codes_ms": round(sum(codes) / len(codes), 1),
        "bar_codes_worst_ms": round(max(codes), 1),
        "sorting_ms": round(sorting / sorted_pages, 1),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
