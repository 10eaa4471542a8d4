"""Scans as files: image-only PDF, multi-page TIFF, JPEG or PNG, each with its ground truth."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.synthetic.people import patients, write_patients
from pipeline.synthetic.scanner import Scanned, Scanner
from pipeline.synthetic.stacks import ScannedFile, SeparatorSheet, scans


def write_charts(
    folder: Path,
    seed: int,
    charts: int,
    *,
    separator: SeparatorSheet,
    people: int = 200,
    types: tuple[str, ...] = (),
) -> list[Path]:
    """Write patients.csv and scans with their truth into a folder.

    Args:
        folder: Created if it does not exist.
        seed: The same seed writes the same files.
        charts: How many scans to write.
        separator: Draws the separator sheet at a resolution in dots per inch.
        people: How many patients the index lists. A tenth as many again appear on pages without being listed.
        types: Keys of the document types to generate; empty for all.

    Returns:
        The paths of the scans.
    """
    folder.mkdir(parents=True, exist_ok=True)
    everyone = patients(people + max(1, people // 10), seed)
    index, strangers = everyone[:people], everyone[people:]
    write_patients(index, folder / "patients.csv")
    rng = random.Random(f"files {seed}")
    generated = scans(index, strangers, charts, seed, separator=separator, kinds=types)
    return [write_scan(scan, folder, f"chart{number:04d}", rng) for number, scan in enumerate(generated, 1)]


def write_scan(scan: ScannedFile, folder: Path, stem: str, rng: random.Random) -> Path:
    """Write the scan as a file of a kind that suits it, with STEM.json, and return the path of the scan."""
    images = [_image(page, scan.scanner) for page in scan.pages]
    dots = (scan.scanner.across, scan.scanner.down)
    kind = _kind(rng, scan)
    path = folder / f"{stem}.{kind}"
    if kind == "tif":
        images[0].save(
            path,
            save_all=True,
            append_images=images[1:],
            compression="group4" if scan.scanner.bilevel else "tiff_lzw",
            dpi=dots,
        )
    elif kind == "pdf":
        path.write_bytes(_pdf(images, scan.scanner))
    elif kind == "jpg":
        images[0].convert("L").save(path, quality=80, dpi=dots)
    else:
        images[0].save(path, dpi=dots, optimize=False)
    truth = {"file": path.name, **scan.truth}
    (folder / f"{stem}.json").write_text(
        json.dumps(truth, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return path


def _kind(rng: random.Random, scan: ScannedFile) -> str:
    if len(scan.pages) == 1 and scan.scanner.down == scan.scanner.across:
        return rng.choice(("pdf", "tif", "png") if scan.scanner.bilevel else ("pdf", "jpg", "png"))
    return rng.choice(("pdf", "pdf", "tif")) if scan.scanner.bilevel else "pdf"


def _image(page: Scanned, scanner: Scanner) -> Image.Image:
    image = Image.fromarray(np.ascontiguousarray(page.pixels))
    return image.convert("1", dither=Image.Dither.NONE) if scanner.bilevel else image


def _pdf(images: list[Image.Image], scanner: Scanner) -> bytes:
    """Return a PDF with each image on a page of its true size: bilevel images as CCITT G4, gray ones as JPEG.

    No date is written, so that the same images always make the same bytes."""
    if not scanner.bilevel:
        images = [image.convert("L") for image in images]
    out = io.BytesIO()
    images[0].save(
        out,
        "PDF",
        save_all=True,
        append_images=images[1:],
        dpi=(scanner.across, scanner.down),
        producer="Chartloom",
        creationDate=None,
        modDate=None,
        **({} if scanner.bilevel else {"quality": 75}),
    )
    return out.getvalue()
