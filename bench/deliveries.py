"""Measure deliveries per second to an MLLP, a FHIR and an MHD receiver and to a folder, all on loopback.

    python -m bench.deliveries [--documents N] [--misbehave]

Documents of one page (a PDF of --kilobytes) are filed by Chartloom's own functions in a temporary
installation. Each receiver is a process of its own and validates what it receives (FHIR: every resource with
fhir.resources; MDM: the first message of each event with hl7apy). With --misbehave, the receivers fail at
random and every third document is corrected. At the end, the documents at the receiver are compared with
those in the database: each must be there once.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.config import load_settings
from pipeline.delivery import outbox
from pipeline.runtime.installation import open_installation
from tests.support.delivery_archive import Archive, a_pdf
from tests.support.fhir_receiver import FhirReceiver
from tests.support.receivers import MdmReceiver, RandomFailures

FAILURE_RATES = {"reject": 0.05, "lose_response": 0.05, "disconnect": 0.05, "duplicate": 0.05, "hang": 0.005}
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "mdm, 1 connection": ("mdm", {}),
    "mdm, 4 connections": ("mdm", {"parallel": 4}),
    "fhir, confirmed, 1 at a time": ("fhir", {}),
    "fhir, confirmed, 4 at a time": ("fhir", {"parallel": 4}),
    "fhir, not confirmed, 4 at a time": ("fhir", {"parallel": 4, "confirm": False}),
    "mhd, confirmed, 4 at a time": ("mhd", {"parallel": 4}),
    "folder": ("folder", {}),
}


def serve(kind: str, misbehave: bool, pipe: Any) -> None:
    """Run a receiver: send its address and, when asked, the documents that it has: the number of each
    current document and its MRN.
    """
    failures = (
        RandomFailures(11, FAILURE_RATES | ({} if kind == "mdm" else {"discard": 0.05, "busy": 0.02}))
        if misbehave
        else RandomFailures()
    )
    if kind == "mdm":
        receiver = MdmReceiver(failures)
        with receiver.listening() as port:
            pipe.send(f"127.0.0.1:{port}")
            pipe.recv()
            held = {number: one.mrn for number, one in receiver.documents.items() if one.status == "current"}
            pipe.send((held, receiver.faults))
        return
    fhir = FhirReceiver(failures)
    fhir.patient("20012345")
    fhir.patient("20055501")
    with fhir.listening() as address:
        pipe.send(address)
        pipe.recv()
        documents = {".".join(oid.split(".")[-2:]): one for oid, one in fhir.documents().items()}
        pipe.send(
            ({number: document[1] for number, document in documents.items() if document[0] == "current"}, [])
        )


@contextmanager
def receiving(kind: str, misbehave: bool, folder: Path) -> Iterator[tuple[str, Any]]:
    """Yield the address of a receiver, and a function that returns the documents that it has."""
    if kind == "folder":
        folder.mkdir()
        yield str(folder), lambda: ({}, [])
        return
    own_end, receiver_end = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(
        target=serve, args=(kind, misbehave, receiver_end), daemon=True
    )
    child.start()

    def ask() -> Any:
        own_end.send("held?")
        return own_end.recv()

    yield own_end.recv(), ask
    child.join(5)


def run(archive: Archive, name: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Deliver every document to one receiver."""
    kind, options_of_kind = RUNS[name]
    with receiving(kind, options.misbehave, folder / name.replace(", ", "-").replace(" ", "-")) as (
        address,
        ask,
    ):
        archive.destination("here", kind, address, **options_of_kind)
        documents = [archive.file(archive.martha) for _ in range(options.documents)]
        if options.misbehave:
            for document in documents[::3]:
                archive.change(document, patient=archive.tomasz)
        started, cpu = time.monotonic(), time.process_time()
        sent = archive.deliver("here")
        seconds, cpu = time.monotonic() - started, time.process_time() - cpu
        held, faults = ask()
        states = {row.state for row in outbox.deliveries(archive.connection, destination="here", limit=10**6)}
        expected = expected_documents(archive)
    outbox.remove_destination(archive.connection, "here")
    archive.connection.execute("delete from delivery where destination = 'here'")
    result = {
        "run": name,
        "deliveries": sent,
        "seconds": round(seconds, 2),
        "a_second": round(sent / seconds, 1),
    }
    result["cpu_ms_each"] = round(1000 * cpu / max(sent, 1), 1)
    right = kind == "folder" or (held == expected and not faults)
    return result | {"states": sorted(states), "holds_each_document_once": right}


def expected_documents(archive: Archive) -> dict[str, str]:
    """Return the documents of this run as they are in the database: number of the edition to MRN."""
    sql = """select distinct on (d.document_id) d.document_id, d.edition, d.change, p.mrn
             from delivery d join patient p on p.id = (d.content ->> 'patient_id')::bigint
             where d.destination = 'here' order by d.document_id, d.id desc"""
    rows = archive.connection.execute(sql)
    return {f"{row['document_id']}.{row['edition']}": row["mrn"] for row in rows if row["change"] != "cancel"}


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=300)
    parser.add_argument("--kilobytes", type=int, default=40, help="of each PDF: a bilevel page at 300 dpi")
    parser.add_argument("--misbehave", action="store_true")
    parser.add_argument("--only", default="", help="only runs whose name contains this text")
    options = parser.parse_args()
    filler = os.urandom(options.kilobytes * 750).hex()[: options.kilobytes * 1000]
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(home=Path(folder) / "home")
        with open_installation(settings) as installation, installation.connect() as connection:
            blobs = installation.blobs()
            archive = Archive(
                connection=connection, blobs=blobs, settings=installation.settings, dsn=installation.dsn
            )
            archive.pdf = lambda pages, title: a_pdf(pages, title + filler)
            for name in RUNS:
                if options.only in name:
                    print(json.dumps(run(archive, name, Path(folder), options)), flush=True)


if __name__ == "__main__":
    main()
