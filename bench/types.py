"""How fast and how right document types are told.

    python -m bench.types speed [--n 300]             CPU milliseconds a document, start of the model
    python -m bench.types paper FOLDER OCR            documents of scans with truth, from texts read by OCR

FOLDER holds scans' truth (NAME.json, as `python -m samples` writes it); OCR holds a JSON file for each page, NAME-PAGE.json with
its `text`. `chartloom train --evaluate` gives the figures on typed texts, in five folds.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from pathlib import Path

from pipeline.classify.model import load
from pipeline.classify.types import guess_types
from pipeline.records import OcrPage


def speed(count: int) -> None:
    from samples import documents, patients, style_for, typeset

    start = time.process_time()
    load()
    print(f"start: {1000 * (time.process_time() - start):.0f} ms CPU")
    rng = random.Random(1)
    made = (typeset(rng, s, style_for(rng, s.type)) for s in documents(patients(50, 1), count, 1))
    texts = ["\n".join(sheet.text for sheet in printed.sheets) for printed in made]
    start = time.process_time()
    for text in texts:
        guess_types(text)
    words = sum(len(text.split()) for text in texts) / count
    print(f"{1000 * (time.process_time() - start) / count:.2f} ms CPU a document of {words:.0f} words (n={count})")


def paper(folder: Path, readings: Path) -> None:
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for path in sorted(folder.glob("*.json")):
        truth = json.loads(path.read_text())
        for document in truth["documents"]:
            files = [readings / f"{path.stem}-{page}.json" for page in document["pages"]]
            if not all(file.exists() for file in files):
                continue
            pages = [OcrPage(number=n, image=None, text=json.loads(f.read_text())["text"]) for n, f in enumerate(files, 1)]
            said = guess_types("\n".join(page.text for page in pages), pages)[0]
            good = said.type in document["types_accepted"]
            for group in ("all", "titled" if document["title"] else "untitled", truth["scanner"]):
                total[group] += 1
                right[group] += good
            total["sure"] += said.probability >= 0.99
            right["sure"] += good and said.probability >= 0.99
            if not good:
                wrong[f"{document['type']} -> {said.type} [{document['title']}] {said.probability:.2f}"] += 1
    for group in sorted(total):
        print(f"{group}: {right[group]} of {total[group]} = {right[group] / max(1, total[group]):.4f}")
    for what, times in wrong.most_common(40):
        print(f"  {times} {what}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("speed", "paper"))
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--n", type=int, default=300)
    args = parser.parse_args()
    if args.what == "speed":
        speed(args.n)
    else:
        paper(*args.paths)


if __name__ == "__main__":
    main()
