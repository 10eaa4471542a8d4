"""The locked dependencies have names and hashes and no download address."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_the_lock_has_hashes_and_no_download_address(name: str) -> None:
    lock = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in lock
    packages = [line for line in lock.splitlines() if "==" in line and not line.startswith((" ", "#"))]
    assert len(packages) > 50
    assert lock.count("--hash=sha256:") >= len(packages)
