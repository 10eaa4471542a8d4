"""Measure what segmentation costs in addition to OCR, in CPU milliseconds per page: barcodes in images, and
all other work on pages after OCR.

    python -m bench.segmentation_speed FILE... [--pages 40]

FILE are scans. They are read first; the time for this does not count.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from pipeline.classify.segmentation import segment_pages
from pipeline.commands.split import read_pages
from pipeline.config import Settings, load_settings
from pipeline.ingest.parsing.open_scan import open_scan
from pipeline.ocr.barcodes.decode import read_barcodes
from pipeline.store.scratch import Scratch


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--pages", type=int, default=40, help="how many pages at most")
    options = parser.parse_args(argv)
    cv2.setNumThreads(1)  # as in a worker
    settings = load_settings()
    barcode_ms: list[float] = []
    segmented_pages, segmentation_ms = 0, 0.0
    for file in options.files:
        if len(barcode_ms) >= options.pages:
            break
        barcode_ms += _barcode_times(file, settings)
        pages = list(read_pages(file, settings))
        segment_pages(pages[:1], settings.classify)  # load the models, which happens once in each process
        started = time.process_time()
        segment_pages(pages, settings.classify)
        segmentation_ms += 1000 * (time.process_time() - started)
        segmented_pages += len(pages)
    report = {
        "pages": len(barcode_ms),
        "barcodes_ms": round(sum(barcode_ms) / len(barcode_ms), 1),
        "barcodes_max_ms": round(max(barcode_ms), 1),
        "segmentation_ms": round(segmentation_ms / segmented_pages, 1),
    }
    print(json.dumps(report))


def _barcode_times(file: Path, settings: Settings) -> Iterator[float]:
    """Yield the milliseconds of CPU that reading the barcodes of each page takes."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Scratch(Path(folder))
        for page in open_scan(file, "", scratch, settings.intake):
            path = str(scratch.path(page.image)) if page.image else None
            image = cv2.imread(path, cv2.IMREAD_GRAYSCALE) if path else None
            if image is not None:
                started = time.process_time()
                read_barcodes(np.asarray(image, np.uint8))
                yield 1000 * (time.process_time() - started)


if __name__ == "__main__":
    main()
