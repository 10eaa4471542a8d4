"""A worker's temporary files do not outlive it for long."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from pipeline.store.process_tempdir import ProcessTempdir

HOLD = (
    "import sys, time; from pathlib import Path; from pipeline.store.process_tempdir import ProcessTempdir;"
    "folder = ProcessTempdir(Path(sys.argv[1])); (folder.path / 'page').write_bytes(b'x');"
    "print(folder.path, flush=True); time.sleep(60)"
)


def test_a_folder_is_removed_with_its_owner(tmp_path: Path) -> None:
    folder = ProcessTempdir(tmp_path)
    (folder.path / "page").write_bytes(b"x")
    folder.close()
    assert not folder.path.exists()


def test_the_folder_of_a_killed_process_is_removed_by_the_next_and_that_of_a_living_one_is_not(
    tmp_path: Path,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        theirs = Path(other.stdout.readline().strip())
        mine = ProcessTempdir(tmp_path)
        assert (theirs / "page").exists()
        other.send_signal(signal.SIGKILL)
        other.wait()
        assert (theirs / "page").exists()
        mine.close()
        ProcessTempdir(tmp_path).close()
        assert not theirs.exists()
