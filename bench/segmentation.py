"""Measure how well stacks are split, on generated stacks of seeds that training did not have. No images, no
services.

    python -m bench.segmentation [--stacks 300] [--seed 4242] [--least 5] [--most 60] [--patients N]
    python -m bench.segmentation --stacks 1000 --most 8 --patients 2       two patients in one stack, without
                                                                           sheets

Prints one JSON line: stacks split without any error; precision, recall and F1 of document starts; how many
documents have a probability of 0.9 or more and how many of these are correct; documents with pages of two
patients and how many of these have no issue; and milliseconds of CPU per page."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence

from pipeline.classify.boundary_model import model_as_dict
from pipeline.classify.training.boundary_training import BoundaryMetrics, add_metrics, build_case
from pipeline.classify.training.synthetic_stacks import generate_stacks


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stacks", type=int, default=300)
    parser.add_argument("--seed", type=int, default=4242, help="the shipped model was trained on seed 1")
    parser.add_argument("--least", type=int, default=5, help="fewest pages of a stack")
    parser.add_argument("--most", type=int, default=60, help="most pages of a stack")
    parser.add_argument("--patients", type=int, help="most patients of a stack [default: any number]")
    options = parser.parse_args(argv)
    metrics, pages, cpu_seconds = BoundaryMetrics(), 0, 0.0
    model = model_as_dict()
    for stack in generate_stacks(options.stacks, options.seed, options.least, options.most, options.patients):
        started = time.process_time()
        add_metrics(model, build_case(stack, generated=True), metrics)
        cpu_seconds += time.process_time() - started
        pages += len(stack.pages)
    speed = {"pages": pages, "cpu_ms_per_page": round(1000 * cpu_seconds / pages, 1)}
    print(json.dumps(speed | metrics.as_dict()))


if __name__ == "__main__":
    main()
