"""How well stacks are cut: made stacks of other layouts than those trained on. No pictures, no services.

    python -m bench.segmentation [--stacks 300] [--seed 4242] [--least 5] [--most 60] [--patients N]
    python -m bench.segmentation --stacks 1000 --most 8 --patients 2       two patients in one stack, without
                                                                      sheets

Prints one JSON line: stacks cut without any error, boundary precision, recall and F1, how many documents are
cut with 0.9 or more and how many of those are right, documents that hold two patients and how many of them
raise no alarm, and milliseconds of CPU a page."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence

from pipeline.classify.boundary_model import load_model
from pipeline.classify.training.boundary_training import BoundaryMetrics, add_metrics, build_case
from pipeline.classify.training.synthetic_stacks import generate_stacks


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stacks", type=int, default=300)
    parser.add_argument("--seed", type=int, default=4242, help="the shipped model was trained on seed 1")
    parser.add_argument("--least", type=int, default=5)
    parser.add_argument("--most", type=int, default=60)
    parser.add_argument(
        "--patients", type=int, help="how many patients a stack holds at most [default: any number]"
    )
    given = parser.parse_args(argv)
    figures, pages, spent = BoundaryMetrics(), 0, 0.0
    shipped = {"bias": load_model().bias, "weights": load_model().weights}
    for stack in generate_stacks(given.stacks, given.seed, given.least, given.most, given.patients):
        began = time.process_time()
        add_metrics(shipped, build_case(stack, generated=True), figures)
        spent += time.process_time() - began
        pages += len(stack.pages)
    print(json.dumps({"pages": pages, "cpu_ms_a_page": round(1000 * spent / pages, 1)} | figures.as_dict()))


if __name__ == "__main__":
    main()
