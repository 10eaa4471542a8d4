"""FHIR R4 and MHD: a receiver gets valid FHIR, each document once, and corrections of the same document."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from pipeline.delivery import outbox
from tests.support.delivery_archive import Archive, a_pdf
from tests.support.fhir_receiver import FhirReceiver
from tests.support.receivers import RandomFailures

Receive = Callable[..., FhirReceiver]


@pytest.fixture
def receive(archive: Archive) -> Iterator[Receive]:
    """Create a receiver that is a destination of that kind."""
    with ExitStack() as stack:

        def create(
            kind: str = "fhir", failures: RandomFailures | None = None, **options: Any
        ) -> FhirReceiver:
            receiver = FhirReceiver(failures or RandomFailures())
            receiver.patient("20012345")
            receiver.patient("20055501")
            archive.destination("ehr", kind, stack.enter_context(receiver.listening()), **options)
            return receiver

        yield create


def documents_at(receiver: FhirReceiver) -> dict[str, tuple[str, str, str, bytes | None]]:
    """Return the documents of the receiver, by their number within our root OID."""
    return {".".join(oid.split(".")[-2:]): document for oid, document in receiver.documents().items()}


def test_the_receiver_has_a_document_and_its_corrections(archive: Archive, receive: Receive) -> None:
    receiver = receive()
    document, withdrawn = archive.file(), archive.file()
    archive.change(document, type="letter")
    archive.change(document, pdf=archive.blobs.put(a_pdf(3, "again")))
    archive.change(document, patient=archive.tomasz)
    archive.withdraw(withdrawn)
    assert archive.deliver() == 7
    assert documents_at(receiver) == {
        f"{document}.1": ("superseded", "20012345", "51852-2", a_pdf(1, "document 1")),
        f"{document}.3": ("entered-in-error", "20012345", "51852-2", a_pdf(3, "again")),
        f"{document}.4": ("current", "20055501", "51852-2", a_pdf(3, "again")),
        f"{withdrawn}.1": ("entered-in-error", "20012345", "18842-5", a_pdf(1, "document 2")),
    }


def test_the_elements_of_us_core_are_present(archive: Archive, receive: Receive) -> None:
    receiver = receive()
    archive.file()
    archive.deliver()
    found = next(one for one in receiver.resources.values() if one["resourceType"] == "DocumentReference")
    assert found["type"] == {
        "coding": [{"system": "http://loinc.org", "code": "18842-5"}],
        "text": "Discharge summary",
    }
    assert found["category"][0]["coding"][0]["code"] == "clinical-note"
    assert found["author"] == [{"type": "Practitioner", "display": "Ruth Delacroix"}]
    assert found["context"]["period"] == {"start": "2024-02-11", "end": "2024-02-11"}
    attachment = found["content"][0]["attachment"]
    pdf = a_pdf(1, "document 1")
    import hashlib
    from base64 import b64encode

    assert (attachment["contentType"], attachment["size"]) == ("application/pdf", len(pdf))
    assert attachment["hash"] == b64encode(hashlib.sha1(pdf).digest()).decode()
    assert attachment["url"] in receiver.resources


def test_the_bytes_are_embedded_for_a_receiver_that_does_not_accept_a_binary(
    archive: Archive, receive: Receive
) -> None:
    receiver = receive(binary="inline")
    document = archive.file()
    archive.deliver()
    assert documents_at(receiver)[f"{document}.1"][3] == a_pdf(1, "document 1")
    assert not [key for key in receiver.resources if key.startswith("Binary")]


def test_a_document_of_an_unknown_patient_is_rejected_and_stored_nowhere(
    archive: Archive, receive: Receive
) -> None:
    receiver = receive()
    archive.file(archive.patient("99999999", "Nobody", "There", *[None] * 7))
    assert archive.deliver() == 0
    row = outbox.deliveries(archive.connection)[0]
    assert (row.state, row.problem, row.detail) == (
        "failed",
        "refused",
        "422 0 resources match a reference",
    )
    assert documents_at(receiver) == {}


@pytest.mark.parametrize(("kind", "options"), [("fhir", {"parallel": 4}), ("mhd", {})])
def test_a_receiver_that_misbehaves_at_random_holds_every_document_once_with_its_corrections(
    archive: Archive, receive: Receive, kind: str, options: dict[str, Any]
) -> None:
    rates = {
        "reject": 0.1,
        "lose_response": 0.1,
        "disconnect": 0.1,
        "discard": 0.1,
        "busy": 0.1,
        "duplicate": 0.1,
        "hang": 0.03,
    }
    receiver = receive(kind, RandomFailures(5, rates), **options)
    limits = archive.settings.delivery.model_copy(update={"max_rejections": 50})
    archive.settings = archive.settings.model_copy(update={"delivery": limits})
    documents = [archive.file() for _ in range(20)]
    for n, document in enumerate(documents):
        if n % 4 == 0:
            archive.change(document, patient=archive.tomasz)
        if n % 4 == 1:
            archive.withdraw(document)
        if n % 4 == 2:
            archive.change(document, type="letter")
    archive.deliver()
    current = {
        number: document[1:3]
        for number, document in documents_at(receiver).items()
        if document[0] == "current"
    }
    moved = {f"{document}.2": ("20055501", "18842-5") for document in documents[0::4]}
    letter = {
        f"{document}.{1 if kind == 'fhir' else 2}": ("20012345", "51852-2") for document in documents[2::4]
    }
    left = {f"{document}.1": ("20012345", "18842-5") for document in documents[3::4]}
    # an MHD receiver supersedes a replaced document; the receiver of the tests does not
    if kind == "mhd":
        current = {
            number: document
            for number, document in current.items()
            if number not in {f"{d}.1" for d in documents[2::4]}
        }
    assert current == moved | letter | left
    assert all(row.state == "delivered" for row in outbox.deliveries(archive.connection))
    assert all(document[3] for document in documents_at(receiver).values())
    assert min(receiver.failures.counts.get(failure, 0) for failure in rates) > 0


def test_a_document_that_the_receiver_has_twice_fails_for_a_person(
    archive: Archive, receive: Receive
) -> None:
    receiver = receive()
    document = archive.file()
    archive.deliver()
    stored = next(one for one in receiver.resources.values() if one["resourceType"] == "DocumentReference")
    receiver.resources["DocumentReference/copy"] = {**stored, "id": "copy"}
    archive.change(document, type="letter")
    archive.deliver()
    row = outbox.deliveries(archive.connection)[0]
    assert (row.state, row.problem) == ("failed", "duplicate_at_receiver")


@pytest.mark.parametrize("metadata", ["minimal", "comprehensive"])
def test_mhd_provides_a_bundle_of_submission_set_reference_and_document(
    archive: Archive, receive: Receive, metadata: str
) -> None:
    receiver = receive("mhd", metadata=metadata)
    document = archive.file()
    archive.deliver()
    bundle = receiver.bodies[0]
    kind = metadata.capitalize()
    assert bundle["meta"]["profile"] == [
        f"https://profiles.ihe.net/ITI/MHD/StructureDefinition/IHE.MHD.{kind}.ProvideBundle"
    ]
    submission, reference, binary = (one["resource"] for one in bundle["entry"])
    assert [one["resourceType"] for one in (submission, reference, binary)] == [
        "List",
        "DocumentReference",
        "Binary",
    ]
    assert {one["use"]: one["value"][:8] for one in submission["identifier"]} == {
        "official": "urn:uuid",
        "usual": "urn:oid:",
    }
    assert (submission["mode"], submission["code"]["coding"][0]["code"]) == ("working", "submissionset")
    assert submission["entry"][0]["item"]["reference"] == bundle["entry"][1]["fullUrl"]
    assert reference["content"][0]["attachment"]["url"] == bundle["entry"][2]["fullUrl"]
    assert "docStatus" not in reference
    has_context = {"facilityType", "practiceSetting", "sourcePatientInfo"} <= set(reference["context"])
    assert has_context == (metadata == "comprehensive")
    assert documents_at(receiver) == {
        f"{document}.1": ("current", "20012345", "18842-5", a_pdf(1, "document 1"))
    }


def test_mhd_corrects_by_replacement_and_withdraws_by_superseding(archive: Archive, receive: Receive) -> None:
    receiver = receive("mhd")
    document = archive.file()
    archive.change(document, type="letter")
    archive.withdraw(document)
    assert archive.outbox_of("ehr", document) == ["new 1 pending", "replace 2 pending", "cancel 2 pending"]
    archive.deliver()
    replacing = receiver.bodies[1]["entry"][1]["resource"]["relatesTo"][0]
    assert (replacing["code"], replacing["target"]["identifier"]["value"][-4:]) == (
        "replaces",
        f".{document}.1",
    )
    superseded = receiver.bodies[1]["entry"][3]  # in the same transaction
    assert (superseded["request"]["method"], superseded["resource"]["status"]) == ("PUT", "superseded")
    assert documents_at(receiver)[f"{document}.1"][0] == "superseded"
    assert documents_at(receiver)[f"{document}.2"][0] == "superseded"


def test_simplified_publish_is_one_reference_with_the_document_within(
    archive: Archive, receive: Receive
) -> None:
    receiver = receive("mhd", RandomFailures(4, {"lose_response": 0.5}), transaction="iti-105")
    documents = [archive.file() for _ in range(4)]
    archive.deliver()
    sent = receiver.bodies[0]
    assert sent["meta"]["profile"][0].endswith("IHE.MHD.SimplifiedPublish.DocumentReference")
    assert (sent["subject"], "identifier" in sent) == ({"reference": "Patient/p20012345"}, False)
    assert sorted(documents_at(receiver)) == [f"{document}.1" for document in documents]


def test_simplified_publish_supersedes_what_it_replaces(archive: Archive, receive: Receive) -> None:
    receiver = receive("mhd", transaction="iti-105")
    document = archive.file()
    archive.change(document, type="letter")
    archive.deliver()
    states = [documents_at(receiver)[f"{document}.{edition}"][0] for edition in (1, 2)]
    assert states == ["superseded", "current"]


def test_a_psychiatric_evaluation_is_restricted(archive: Archive, receive: Receive) -> None:
    receiver = receive()
    archive.file(type="psychiatric_evaluation")
    archive.deliver()
    document = next(one for one in receiver.resources.values() if one["resourceType"] == "DocumentReference")
    assert document["securityLabel"][0]["coding"][0]["code"] == "R"


def test_xds_sd_goes_as_xml_with_the_pdf_within(archive: Archive, receive: Receive) -> None:
    receiver = receive(content="xds-sd")
    document = archive.file()
    archive.deliver()
    from base64 import b64decode
    from xml.etree.ElementTree import fromstring

    root = fromstring(documents_at(receiver)[f"{document}.1"][3] or b"")
    body = root.find(".//{urn:hl7-org:v3}nonXMLBody/{urn:hl7-org:v3}text")
    assert body is not None
    assert b64decode(body.text or "") == a_pdf(1, "document 1")
