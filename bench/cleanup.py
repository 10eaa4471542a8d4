"""Measure the effect of each cleanup step on damaged pages: `python -m bench.cleanup [--pages N] [--first
SEED] [--only DAMAGE...]`.

The pages are this project's synthetic ones, damaged by bench.damage and stored as JPEG. Each is read with its
step and without it, by Tesseract alone: word F1 (multisets of lower-case letters and digits) and CPU time of
the whole reading, including child processes.
"""

from __future__ import annotations

import argparse
import io
import re
import resource
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

from PIL import Image

from bench.damage import DAMAGES, damaged
from pipeline.config import OcrSettings, load_settings
from pipeline.ocr import preprocess, read_page
from pipeline.ocr.image import cleanup, dewarp, pixels
from pipeline.ocr.image.pixels import PageImage
from pipeline.records import Page

JPEG_QUALITY = 85
"""Quality of the JPEG that the camera or the scanner writes."""


@contextmanager
def without(step: str) -> Iterator[None]:
    """Disable one step of reading; "" disables none."""
    patches: dict[str, tuple[object, str, Callable[..., object]]] = {
        "inks": (read_page, "separate_inks", lambda scanned: scanned.gray),
        "page-detection": (dewarp, "detect_page", lambda _: None),
        "page-curl": (dewarp, "estimate_curl", lambda *_: None),
        "bleed-through": (preprocess, "remove_bleed_through", lambda gray, *_: gray),
    }
    if step in cleanup.STEPS:
        with patch.dict(cleanup.STEPS, {step: lambda gray, _: gray}):
            yield
    elif step:
        with patch.object(*patches[step]):
            yield
    else:
        yield


STEP_BY_DAMAGE = {
    "colored-paper": "inks",
    "highlighter": "inks",
    "stamps": "inks",
    "dark-bands": "dark-areas",
    "bleed-through": "bleed-through",
    "uneven-light": "illumination",
    "photograph": "page-detection",
    "curved": "page-curl",
}


def cpu() -> float:
    """Return the CPU seconds used so far by this process and its finished children."""
    return sum(
        u.ru_utime + u.ru_stime
        for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def tokens(text: str) -> Counter[str]:
    return Counter(re.findall(r"[^\W_]+", text.lower()))


def scanned(damage: str, seed: int) -> tuple[PageImage, Counter[str]]:
    """Return a damaged page as scanned, and its words."""
    picture, text = damaged(damage, seed)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=JPEG_QUALITY)
    return pixels.page_image_from_pil(Image.open(out)), tokens(text)


def measure(damage: str, step: str, seeds: range, settings: OcrSettings) -> tuple[float, float]:
    """Return the word F1 over all pages, and milliseconds of CPU per page."""
    hits = expected = read = 0
    spent = 0.0
    for seed in seeds:
        page, truth = scanned(damage, seed)
        before = cpu()
        with without(step):
            recognized = tokens(
                read_page.read_page_image(Page(scan="", number=1, image="x"), page, settings).page.text
            )
        spent += cpu() - before
        hits, expected, read = (
            hits + (truth & recognized).total(),
            expected + truth.total(),
            read + recognized.total(),
        )
    return 2 * hits / (expected + read), 1000 * spent / len(seeds)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=24)
    parser.add_argument(
        "--first",
        type=int,
        default=500,
        help="seed of the first page; pages 100 to 111 served to make the steps",
    )
    parser.add_argument("--only", nargs="*", choices=DAMAGES, default=list(DAMAGES))
    args = parser.parse_args()
    settings = load_settings().ocr.model_copy(update={"second_engine": "never"})
    seeds = range(args.first, args.first + args.pages)
    measure("none", "", seeds[:1], settings)  # the first page starts the engine
    for damage in args.only:
        whole, spent = measure(damage, "", seeds, settings)
        line = f"{damage:15} n={len(seeds)} F1 {whole:.4f} {spent:5.0f} ms"
        if step := STEP_BY_DAMAGE.get(damage):
            less, less_spent = measure(damage, step, seeds, settings)
            line += f" | without {step}: F1 {less:.4f} {less_spent:5.0f} ms"
        print(line, flush=True)


if __name__ == "__main__":
    main()
