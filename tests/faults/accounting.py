"""What must hold after any fault: every file is accounted for, none twice, no page is lost, and every
original is unchanged.
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


def find_faults(running: Running) -> list[str]:
    """Return everything that does not add up, each in a sentence. The list is empty if all is well. Reads
    every original from the store.
    """
    faults = []
    scans = {row["sha256"]: row for row in running.rows(PAGES)}
    for sha256, (name, pages) in running.submitted.items():
        row = scans.get(sha256)
        if row is None:
            faults.append(f"{name} is lost: no scan has its bytes")
            continue
        if row["status"] == "received":
            faults.append(f"{name} has no outcome")
        if row["arrivals"] != 1:
            faults.append(f"{name} arrived {row['arrivals']} times")
        if row["status"] == "done" and row["pages"] != pages:
            faults.append(f"{name} has {pages} pages, {row['pages']} are known")
        if row["status"] == "done" and row["in_documents"] + row["set_aside"] < pages:
            faults.append(
                f"{name}: of {pages} pages {row['in_documents']} are in documents, "
                f"{row['set_aside']} set aside"
            )
        if row["status"] == "quarantined":
            faults.append(f"{name} is quarantined: {row['code']}")
    unknown = set(scans) - set(running.submitted)
    faults += [f"a scan {sha256[:12]} has bytes of no submitted file" for sha256 in unknown]
    duplicates = running.rows(
        "select scan_id, number from document_page group by scan_id, number having count(*) > 1"
    )
    faults += [f"page {row['number']} of scan {row['scan_id']} is in two documents" for row in duplicates]
    faults += faults_of_originals(running)
    return faults + faults_of_reconciliation(running)


def faults_of_originals(running: Running) -> list[str]:
    """Return the originals that the store does not return unchanged."""
    faults, blobs = [], running.blobs()
    for sha256, (name, _) in running.submitted.items():
        try:
            blobs.get(sha256)  # checks the bytes against the hash
        except Exception as error:
            faults.append(f"{name}: the original cannot be fetched: {error}")
    return faults


def faults_of_reconciliation(running: Running) -> list[str]:
    """Return what `chartloom reconcile` reports as unbalanced."""
    process = subprocess.run(
        [sys.executable, "-m", "pipeline", "reconcile", "--json", "--home", str(running.home)],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    report = [json.loads(line) for line in process.stdout.splitlines() if line.startswith("{")]
    return (
        []
        if process.returncode == 0
        else [f"the counts are not balanced ({process.returncode}): {report} {process.stderr[-300:]}"]
    )
