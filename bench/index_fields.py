"""Measure how often index fields are correct on generated charts with known truth, and whether confident
values are.

    python -m bench.index_fields [--documents 400] [--seed 4242]

A line for each field: documents on which it is printed; values that are correct, missing, and found although
none is printed; F1; and of the values with a confidence above 0.9, how many there are and how many are wrong.
Letters are misread as on faxes and copies."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from pipeline.classify.training.field_training import FieldOutcome, evaluate_case, generated_cases


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=400)
    parser.add_argument("--seed", type=int, default=4242, help="confidences were calibrated on seed 1")
    options = parser.parse_args(argv)
    outcomes = [
        outcome
        for case in generated_cases(options.documents, options.seed)
        for outcome in evaluate_case(case, calibrated=True)
    ]
    for field in sorted({outcome.field for outcome in outcomes}):
        print(_report(field, [outcome for outcome in outcomes if outcome.field == field]))


def _report(field: str, outcomes: Sequence[FieldOutcome]) -> str:
    """Return the line of a field."""
    printed = sum(o.printed for o in outcomes)
    found = sum(o.confidence is not None for o in outcomes)
    correct = sum(o.correct for o in outcomes)
    missing = sum(o.printed and o.confidence is None for o in outcomes)
    unprinted = sum(not o.printed and o.confidence is not None for o in outcomes)
    confident = [o for o in outcomes if o.confidence is not None and o.confidence > 0.9]
    return (
        f"{field}: printed {printed} correct {correct} missing {missing} not printed but found {unprinted} "
        f"F1 {2 * correct / max(1, found + printed):.3f} "
        f"above 0.9: {len(confident)}, wrong {sum(not o.correct for o in confident)}"
    )


if __name__ == "__main__":
    main()
