"""How right index fields are on generated charts, whose truth is known, and how true their confidences are.

    python -m bench.fields [--documents 400] [--seed 4242]

A line for each field: documents on which it is printed, values right, wrong, missing, and found where none is
printed; F1; and of the values said with more than 0.9, how many there are and how many are wrong. Letters are
misread as on faxes and copies."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from pipeline.classify.training.field_training import evaluate_case, generated_cases


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=400)
    parser.add_argument("--seed", type=int, default=4242, help="confidences were calibrated on seed 1")
    given = parser.parse_args(argv)
    answers = [
        answer
        for case in generated_cases(given.documents, given.seed)
        for answer in evaluate_case(case, calibrated=True)
    ]
    for name in sorted({answer.field for answer in answers}):
        mine = [answer for answer in answers if answer.field == name]
        right = sum(a.correct for a in mine)
        found = sum(a.confidence is not None for a in mine)
        printed = sum(a.printed for a in mine)
        sure = [a for a in mine if a.confidence is not None and a.confidence > 0.9]
        f1 = 2 * right / max(1, found + printed)
        print(
            f"{name}: printed {printed} right {right} missing {sum(a.printed and a.confidence is None for a in mine)} "
            f"not printed but found {sum(not a.printed and a.confidence is not None for a in mine)} F1 {f1:.3f} "
            f"above .9: {len(sure)}, wrong {sum(not a.correct for a in sure)}"
        )


if __name__ == "__main__":
    main()
