"""Measure how much print is read on ruled lines, in tables and boxes, and on other pages that layout analysis
loses: `python -m bench.ruled_lines [--pages N] [--first SEED] [--kind KIND] [--second-engine SETTING]`.

The pages are those of pipeline.synthetic.ruled_pages at 75 to 200 dpi. Printed for each layout and
resolution: recall and F1 of words (multisets of lower-case letters and digits), the share of lost words that
lie on a page or in a region that is reported as unread, and the CPU time of the whole reading.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Sequence

from bench.cleanup import cpu, tokens
from pipeline.config import load_settings
from pipeline.ocr.image import pixels
from pipeline.ocr.read_page import read_page_image
from pipeline.records import Box, OcrPage, Page
from pipeline.synthetic.ruled_pages import LAYOUTS, RESOLUTIONS_DPI, RuledPage, ruled_page

MIN_COVERED_SHARE = 0.5
"""Share of a word's box that a region or a word must cover to report or read it."""


def covered_share(box: Box, areas: Sequence[Box]) -> float:
    """Return the largest share of a box that one of some areas covers."""
    x0, y0, x1, y1 = box
    size = max(1, (x1 - x0) * (y1 - y0))
    return max(
        (
            max(0, min(x1, area[2]) - max(x0, area[0])) * max(0, min(y1, area[3]) - max(y0, area[1])) / size
            for area in areas
        ),
        default=0.0,
    )


def count(ruled: RuledPage, page: OcrPage, page_threshold: float) -> Counter[str]:
    """Return the counts of a page: its words, those read, and those lost and reported."""
    truth, read = tokens(ruled.text), tokens(page.text)
    lost = truth - read
    regions = [text.box for text in page.unread] + [
        word.box for word in page.words if word.confidence < page_threshold
    ]
    reported = Counter[str]()
    for word in ruled.words:
        if page.confidence < page_threshold or covered_share(word.box, regions) >= MIN_COVERED_SHARE:
            reported += tokens(word.text)
    return Counter(
        pages=1,
        truth=truth.total(),
        read=read.total(),
        hits=(truth & read).total(),
        lost=lost.total(),
        reported=(lost & reported).total(),
    )


def line(name: str, total: Counter[str], seconds: float) -> str:
    """Return a line of the report."""
    reported = f"{total['reported'] / total['lost']:.2f}" if total["lost"] else "-"
    return (
        f"{name:16} n={total['pages']:3} recall {total['hits'] / total['truth']:.4f} "
        f"F1 {2 * total['hits'] / (total['truth'] + total['read']):.4f} lost {total['lost']:5} "
        f"reported {reported} {seconds / total['pages']:.2f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--first", type=int, default=1000, help="seed of the first page")
    parser.add_argument("--kind", choices=LAYOUTS)
    parser.add_argument(
        "--second-engine", choices=("never", "low_confidence", "always"), default="low_confidence"
    )
    args = parser.parse_args()
    settings = load_settings()
    ocr = settings.ocr.model_copy(update={"second_engine": args.second_engine})
    totals: dict[str, Counter[str]] = {}
    spent: dict[str, float] = defaultdict(float)
    for seed in range(args.first, args.first + args.pages):
        ruled = ruled_page(seed, args.kind)
        before = cpu()
        page = read_page_image(
            Page(scan="", number=1, image="x", dpi=float(ruled.dpi)),
            pixels.page_image_from_pil(ruled.picture),
            ocr,
        ).page
        seconds = cpu() - before
        counted = count(ruled, page, settings.classify.page_threshold)
        for name in (ruled.kind, f"{ruled.dpi} dpi", "all"):
            totals.setdefault(name, Counter()).update(counted)
            spent[name] += seconds
    for name in (*LAYOUTS, *(f"{dpi} dpi" for dpi in RESOLUTIONS_DPI), "all"):
        if name in totals:
            print(line(name, totals[name], spent[name]))


if __name__ == "__main__":
    main()
