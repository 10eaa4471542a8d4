"""`python -m samples --out DIR --seed 7 --charts 20`: sample scans, patients.csv and the truth of each scan."""

from __future__ import annotations

import argparse
import random
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from samples.ink import UNITS
from samples.people import patients, write_patients
from samples.sheet import HEIGHT, WIDTH
from samples.stacks import scans
from samples.write import write_scan


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m samples", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    parser.add_argument("--seed", type=int, default=7, help="the same seed makes the same charts [7]")
    parser.add_argument("--charts", type=int, default=20, help="how many scans [20]")
    parser.add_argument("--patients", type=int, default=200, help="how many patients the index has [200]")
    parser.add_argument("--types", nargs="*", default=(), help="document types to make [all]")
    args = parser.parse_args()
    write_charts(args.out, args.seed, args.charts, args.patients, tuple(args.types))


def write_charts(folder: Path, seed: int, charts: int, people: int = 200, kinds: tuple[str, ...] = ()) -> list[Path]:
    """Write patients.csv and `charts` scans with their truth into the folder; gives the scans' paths."""
    folder.mkdir(parents=True, exist_ok=True)
    everyone = patients(people + max(1, people // 10), seed)
    index, strangers = everyone[:people], everyone[people:]
    write_patients(index, folder / "patients.csv")
    rng = random.Random(f"files {seed}")
    made = scans(index, strangers, charts, seed, separator=_separator, kinds=kinds)
    return [write_scan(scan, folder, f"chart{number:04d}", rng) for number, scan in enumerate(made, 1)]


@cache
def _separator(dpi: int) -> NDArray[np.uint8]:
    """The project's own separator sheet as it is printed by `chartloom sheets`."""
    from pdf2image import convert_from_bytes

    from pipeline.classify.sheets import separator, sheets_pdf

    sheet = convert_from_bytes(sheets_pdf([separator()]), dpi=dpi, grayscale=True)[0]
    return np.asarray(sheet.resize((round(WIDTH * dpi / UNITS), round(HEIGHT * dpi / UNITS))), dtype=np.uint8)


if __name__ == "__main__":
    main()
