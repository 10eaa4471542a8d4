"""What must hold after any fault: every file accounted for, none twice, no page lost, every original as it
was.
"""

from __future__ import annotations

import json
import subprocess
import sys

from tests.faults.running import Running

PAGES = """
select s.sha256, s.status, s.quarantine_code as code, count(p.number) as pages,
       count(dp.number) filter (where d.status <> 'withdrawn') as in_documents,
       count(p.number) filter (where p.kind in ('blank', 'separator')) as set_aside,
       (select count(*) from ingest_event a where a.scan_id = s.id and not a.duplicate) as arrivals
from scan s
left join page p on p.scan_id = s.id
left join document_page dp on dp.scan_id = s.id and dp.number = p.number
left join document d on d.id = dp.document_id
group by s.id
"""


def faults_of(running: Running) -> list[str]:
    """Everything that does not add up, each in a sentence; empty where all is well. Reads every original
    back.
    """
    found = []
    scans = {row["sha256"]: row for row in running.rows(PAGES)}
    for sha256, (name, pages) in running.dropped.items():
        row = scans.get(sha256)
        if row is None:
            found.append(f"{name} is lost: no scan has its bytes")
            continue
        if row["status"] == "received":
            found.append(f"{name} has no outcome")
        if row["arrivals"] != 1:
            found.append(f"{name} arrived {row['arrivals']} times")
        if row["status"] == "done" and row["pages"] != pages:
            found.append(f"{name} has {pages} pages, {row['pages']} are known")
        if row["status"] == "done" and row["in_documents"] + row["set_aside"] < pages:
            found.append(
                f"{name}: of {pages} pages {row['in_documents']} are in documents, "
                f"{row['set_aside']} set aside"
            )
        if row["status"] == "quarantined":
            found.append(f"{name} is quarantined: {row['code']}")
    strangers = set(scans) - set(running.dropped)
    found += [f"a scan {sha256[:12]} has bytes that nobody handed in" for sha256 in strangers]
    twice = running.rows(
        "select scan_id, number from document_page group by scan_id, number having count(*) > 1"
    )
    found += [f"page {row['number']} of scan {row['scan_id']} is in two documents" for row in twice]
    found += originals_of(running)
    return found + ledger_of(running)


def originals_of(running: Running) -> list[str]:
    """Originals that the store does not give back as they were."""
    found, blobs = [], running.blobs()
    for sha256, (name, _) in running.dropped.items():
        try:
            blobs.get(sha256)  # checks the bytes against the hash
        except Exception as error:
            found.append(f"{name}: the original does not come back: {error}")
    return found


def ledger_of(running: Running) -> list[str]:
    """What the project's own ledger says."""
    asked = subprocess.run(
        [sys.executable, "-m", "pipeline", "reconcile", "--json", "--home", str(running.home)],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    told = [json.loads(line) for line in asked.stdout.splitlines() if line.startswith("{")]
    return (
        []
        if asked.returncode == 0
        else [f"the ledger does not add up ({asked.returncode}): {told} {asked.stderr[-300:]}"]
    )
