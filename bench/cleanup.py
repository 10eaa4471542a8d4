"""What each cleanup step gives on damaged pages: `python -m bench.cleanup [--pages N] [--first SEED] [--only
DAMAGE...]`.

Pages are the project's own samples, damaged by bench.damage and stored as JPEG. Each is read with its step
and without it, by Tesseract alone: word F1 (multisets of lower-case letters and digits) and CPU of the whole
reading, children included."""

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

QUALITY = 85
"""Of the JPEG that the camera or the scanner makes."""


@contextmanager
def without(step: str) -> Iterator[None]:
    """The reader without one of its steps; "" leaves it whole."""
    elsewhere: dict[str, tuple[object, str, Callable[..., object]]] = {
        "inks": (preprocess, "inks_apart", lambda scanned: scanned.gray),
        "sheet": (dewarp, "sheet_of", lambda _: None),
        "curve": (dewarp, "curve_of", lambda *_: None),
        "show-through": (preprocess, "without_back", lambda gray, *_: gray),
    }
    if step in cleanup.STEPS:
        with patch.dict(cleanup.STEPS, {step: lambda gray, _: gray}):
            yield
    elif step:
        with patch.object(*elsewhere[step]):
            yield
    else:
        yield


STEP_OF = {
    "colored-paper": "inks",
    "highlighter": "inks",
    "stamps": "inks",
    "dark-bands": "dark-areas",
    "show-through": "show-through",
    "uneven-light": "even-light",
    "photograph": "sheet",
    "bent": "curve",
}


def cpu() -> float:
    """Seconds of CPU used so far, by this process and those it waited for."""
    return sum(
        u.ru_utime + u.ru_stime
        for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def tokens(text: str) -> Counter[str]:
    return Counter(re.findall(r"[^\W_]+", text.lower()))


def scanned(damage: str, seed: int) -> tuple[PageImage, Counter[str]]:
    """A damaged page as it comes, and its words."""
    picture, text = damaged(damage, seed)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=QUALITY)
    return pixels.page_image_from_pil(Image.open(out)), tokens(text)


def measure(damage: str, step: str, seeds: range, settings: OcrSettings) -> tuple[float, float]:
    """Word F1 over all pages, and milliseconds of CPU a page."""
    hits = told = read = 0
    spent = 0.0
    for seed in seeds:
        page, truth = scanned(damage, seed)
        before = cpu()
        with without(step):
            found = tokens(
                read_page.read_page_image(Page(scan="", number=1, image="x"), page, settings).page.text
            )
        spent += cpu() - before
        hits, told, read = hits + (truth & found).total(), told + truth.total(), read + found.total()
    return 2 * hits / (told + read), 1000 * spent / len(seeds)


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
        if step := STEP_OF.get(damage):
            less, less_spent = measure(damage, step, seeds, settings)
            line += f" | without {step}: F1 {less:.4f} {less_spent:5.0f} ms"
        print(line, flush=True)


if __name__ == "__main__":
    main()
