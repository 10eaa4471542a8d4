"""List the benchmarks. Each runs as `python -m bench.NAME`; its own --help says what it measures and how."""

from __future__ import annotations

import ast
from pathlib import Path


def main() -> None:
    """Print every benchmark with the first line of its docstring."""
    for file in sorted(Path(__file__).parent.glob("[a-z]*.py")):
        about = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        print(f"python -m bench.{file.stem:16}  {about.splitlines()[0] if about else ''}")


if __name__ == "__main__":
    main()
