"""How fast and how right document types are told.

    python -m bench.types speed [--n 300]             CPU milliseconds a document, start of the model
    python -m bench.types paper FOLDER OCR            documents of scans with truth, from texts read by OCR
    python -m bench.types folds FOLDER OCR TEXTS      the same documents clean and through paper, by models
                                                      that saw neither

FOLDER holds scans' truth (NAME.json, as `python -m samples` writes it); OCR holds a JSON file for each page,
NAME-PAGE.json with its `text`. TEXTS holds the typed texts that documents were printed from (`source` in the
truth is the text's id); `folds` fits five models, each on the texts of the other folds, and types by words
alone, without titles. `chartloom train --evaluate` gives the figures on typed texts, in five folds."""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pipeline.classify.type_model import load_model
from pipeline.classify.types import predict_types
from pipeline.records import OcrPage


def speed(count: int) -> None:
    from pipeline.synthetic import documents, patients, style_for, typeset

    start = time.process_time()
    load_model()
    print(f"start: {1000 * (time.process_time() - start):.0f} ms CPU")
    rng = random.Random(1)
    made = (typeset(rng, s, style_for(rng, s.type)) for s in documents(patients(50, 1), count, 1))
    texts = ["\n".join(sheet.text for sheet in printed.sheets) for printed in made]
    start = time.process_time()
    for text in texts:
        predict_types(text)
    words = sum(len(text.split()) for text in texts) / count
    print(
        f"{1000 * (time.process_time() - start) / count:.2f} ms CPU a document of {words:.0f} words (n={count})"
    )


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
            pages = [
                OcrPage(number=n, image=None, text=json.loads(f.read_text())["text"])
                for n, f in enumerate(files, 1)
            ]
            said = predict_types("\n".join(page.text for page in pages), pages)[0]
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


def folds(folder: Path, readings: Path, texts: Path) -> None:
    """Accuracy on clean texts and on the same texts as they were read from paper."""
    import numpy as np
    from sklearn.model_selection import StratifiedGroupKFold

    from pipeline.classify.training.corpus import group_near_duplicates, read_folder, simulate_paper
    from pipeline.classify.training.type_fit import FOLDS, featurize, fit_linear_classifier

    real = group_near_duplicates(read_folder(texts))
    printed = dict(_printed(folder, readings))
    rng = random.Random(7)
    copies = [simulate_paper(example, rng) for example in real]
    read = [printed.get(example.id, example.text) for example in real]
    features = featurize([*(e.text for e in real), *(e.text for e in copies), *read])
    labels, count = [e.type for e in real], len(real)
    right: Counter[str] = Counter()
    seen = [i for i, e in enumerate(real) if e.id in printed]
    parts = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=1).split(
        np.zeros(count), labels, [e.group for e in real]
    )
    for train, test in parts:
        rows = [*train, *(i + count for i in train)]
        fitted = fit_linear_classifier(features, rows, [labels[i % count] for i in rows], [1.0] * len(rows))
        asked = [i for i in test if i in set(seen)]
        for way, shift in (("clean", 0), ("paper", 2 * count)):
            best = fitted.scores(features, [i + shift for i in asked]).argmax(axis=1)
            right[way] += sum(fitted.types[b] == labels[i] for b, i in zip(best, asked, strict=True))
    for way in ("clean", "paper"):
        print(f"{way}: {right[way]} of {len(seen)} = {right[way] / max(1, len(seen)):.4f}")


def _printed(folder: Path, readings: Path) -> Iterator[tuple[str, str]]:
    """(id of the text, what was read of its pages) of each document that was printed from a text and read
    whole.
    """
    for path in sorted(folder.glob("*.json")):
        for document in json.loads(path.read_text())["documents"]:
            files = [readings / f"{path.stem}-{page}.json" for page in document["pages"]]
            if all(file.exists() for file in files):
                yield document["source"], "\n".join(json.loads(file.read_text())["text"] for file in files)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("speed", "paper", "folds"))
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--n", type=int, default=300)
    args = parser.parse_args()
    if args.what == "speed":
        speed(args.n)
    elif args.what == "paper":
        paper(*args.paths)
    else:
        folds(*args.paths)


if __name__ == "__main__":
    main()
