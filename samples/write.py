"""Scans as files: image-only PDF, multi-page TIFF, JPEG or PNG, with the truth beside each."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path

import img2pdf
import numpy as np
from PIL import Image

from samples.scanner import Scanned, Scanner
from samples.stacks import ScannedFile


def write_scan(scan: ScannedFile, folder: Path, stem: str, rng: random.Random) -> Path:
    """The scan as a file of a kind that suits it, and STEM.json; gives the scan's path."""
    images = [_image(page, scan.scanner) for page in scan.pages]
    dots = (scan.scanner.across, scan.scanner.down)
    kind = _kind(rng, scan)
    path = folder / f"{stem}.{kind}"
    if kind == "tif":
        images[0].save(
            path, save_all=True, append_images=images[1:], compression="group4" if scan.scanner.bilevel else "tiff_lzw", dpi=dots
        )
    elif kind == "pdf":
        path.write_bytes(_pdf(images, scan.scanner))
    elif kind == "jpg":
        images[0].convert("L").save(path, quality=80, dpi=dots)
    else:
        images[0].save(path, dpi=dots, optimize=False)
    truth = {"file": path.name, **scan.truth}
    (folder / f"{stem}.json").write_text(json.dumps(truth, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def _kind(rng: random.Random, scan: ScannedFile) -> str:
    if len(scan.pages) == 1 and scan.scanner.down == scan.scanner.across:
        return rng.choice(("pdf", "tif", "png") if scan.scanner.bilevel else ("pdf", "jpg", "png"))
    return rng.choice(("pdf", "pdf", "tif")) if scan.scanner.bilevel else "pdf"


def _image(page: Scanned, scanner: Scanner) -> Image.Image:
    image = Image.fromarray(np.ascontiguousarray(page.pixels))
    return image.convert("1", dither=Image.Dither.NONE) if scanner.bilevel else image


def _pdf(images: list[Image.Image], scanner: Scanner) -> bytes:
    """Bilevel pages as CCITT G4, grey ones as JPEG, each on a page of its true size."""
    parts = []
    for image in images:
        out = io.BytesIO()
        if scanner.bilevel:
            image.save(out, "TIFF", compression="group4", dpi=(scanner.across, scanner.down))
        else:
            image.save(out, "JPEG", quality=75, dpi=(scanner.across, scanner.down))
        parts.append(out.getvalue())
    made = img2pdf.convert(parts, nodate=True, producer="samples", engine=img2pdf.Engine.internal)  # the others add a random id
    assert isinstance(made, bytes)
    return made
