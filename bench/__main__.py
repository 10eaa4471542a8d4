"""List the benchmarks. Each runs as `python -m bench.NAME`; its own --help says what it measures and how."""

from __future__ import annotations

import ast
from pathlib import Path

RUN = 'if __name__ == "__main__":'  # what only helpers of the benchmarks lack


def main() -> None:
    """Print every benchmark with the first line of its docstring."""
    for file in sorted(Path(__file__).parent.glob("[a-z]*.py")):
        text = file.read_text(encoding="utf-8")
        if RUN in text:
            summary = (ast.get_docstring(ast.parse(text)) or "").splitlines()[0]
            print(f"python -m bench.{file.stem:20}  {summary}")


if __name__ == "__main__":
    main()
