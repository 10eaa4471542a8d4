"""Measure how fast document types are predicted and how often they are correct.

    python -m bench.document_types speed [--n 300]         CPU milliseconds per document; load time
    python -m bench.document_types paper FOLDER OCR        documents of scans with truth, from OCR texts
    python -m bench.document_types folds FOLDER OCR TEXTS  the same documents, clean and printed, by models
                                                           that were trained on neither

FOLDER has the truth of scans (NAME.json, as `chartloom synthesize` writes it). OCR has a JSON file for each
page, NAME-PAGE.json with its `text`. TEXTS has the typed texts that the documents were printed from (`source`
in the truth is the ID of the text). `folds` fits five models, each on the texts of the other folds, and
predicts from words alone, without titles. `chartloom train types --evaluate` gives the metrics on typed
texts, in five folds.
"""

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
    """Print the CPU time of loading the model and of predicting the types of generated documents."""
    from pipeline.synthetic import documents, patients, style_for, typeset

    started = time.process_time()
    load_model()
    print(f"load: {1000 * (time.process_time() - started):.0f} ms CPU")
    rng = random.Random(1)
    samples = documents(patients(50, 1), count, 1)
    typeset_samples = (typeset(rng, sample, style_for(rng, sample.type)) for sample in samples)
    texts = ["\n".join(sheet.text for sheet in printed.sheets) for printed in typeset_samples]
    started = time.process_time()
    for text in texts:
        predict_types(text)
    milliseconds = 1000 * (time.process_time() - started) / count
    words = sum(len(text.split()) for text in texts) / count
    print(f"{milliseconds:.2f} ms CPU per document of {words:.0f} words (n={count})")


def paper(folder: Path, readings: Path) -> None:
    """Print the accuracy on documents of scans, by title and scanner, and the most frequent errors."""
    correct: Counter[str] = Counter()
    total: Counter[str] = Counter()
    errors: Counter[str] = Counter()
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
            best = predict_types("\n".join(page.text for page in pages), pages)[0]
            is_correct = best.type in document["types_accepted"]
            for group in ("all", "titled" if document["title"] else "untitled", truth["scanner"]):
                total[group] += 1
                correct[group] += is_correct
            total["confident"] += best.probability >= 0.99
            correct["confident"] += is_correct and best.probability >= 0.99
            if not is_correct:
                errors[f"{document['type']} -> {best.type} [{document['title']}] {best.probability:.2f}"] += 1
    for group in sorted(total):
        print(f"{group}: {correct[group]} of {total[group]} = {correct[group] / max(1, total[group]):.4f}")
    for error, count in errors.most_common(40):
        print(f"  {count} {error}")


def folds(folder: Path, readings: Path, texts: Path) -> None:
    """Print the accuracy on clean texts and on the same texts as they were read from paper."""
    import numpy as np
    from sklearn.model_selection import StratifiedGroupKFold

    from pipeline.classify.training.corpus import group_near_duplicates, read_folder, simulate_paper
    from pipeline.classify.training.type_fit import FOLDS, featurize, fit_linear_classifier

    real = group_near_duplicates(read_folder(texts))
    text_by_id = dict(_texts_from_paper(folder, readings))
    rng = random.Random(7)
    copies = [simulate_paper(example, rng) for example in real]
    from_paper = [text_by_id.get(example.id, example.text) for example in real]
    features = featurize([*(e.text for e in real), *(e.text for e in copies), *from_paper])
    labels, count = [e.type for e in real], len(real)
    correct: Counter[str] = Counter()
    measured = {i for i, e in enumerate(real) if e.id in text_by_id}
    parts = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=1).split(
        np.zeros(count), labels, [e.group for e in real]
    )
    for train, test in parts:
        rows = [*train, *(i + count for i in train)]
        fitted = fit_linear_classifier(features, rows, [labels[i % count] for i in rows], [1.0] * len(rows))
        tested = [i for i in test if i in measured]
        for version, offset in (("clean", 0), ("paper", 2 * count)):
            best = fitted.scores(features, [i + offset for i in tested]).argmax(axis=1)
            correct[version] += sum(fitted.types[b] == labels[i] for b, i in zip(best, tested, strict=True))
    for version in ("clean", "paper"):
        share = correct[version] / max(1, len(measured))
        print(f"{version}: {correct[version]} of {len(measured)} = {share:.4f}")


def _texts_from_paper(folder: Path, readings: Path) -> Iterator[tuple[str, str]]:
    """Yield (ID of the text, text read from its pages) of each document that was printed from a text and read
    completely.
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
