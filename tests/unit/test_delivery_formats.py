"""Delivered documents follow the rules of their formats."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace
from xml.etree.ElementTree import Element, fromstring

import pytest

from pipeline.config import document_types
from pipeline.delivery.formats.cda import xds_sd
from pipeline.delivery.formats.mdm import mdm
from pipeline.delivery.payload import PDF_FORMAT, Payload
from tests.support.delivery_archive import a_delivery_item
from tests.support.receivers import validate

V3 = {"v": "urn:hl7-org:v3"}
PDF = Payload(b"%PDF-1.7 \x00\xff", "application/pdf", ".pdf", PDF_FORMAT)
# The sequences of the CDA R2 schema (POCD_MT000040), of the elements that are used here.
ORDER = {
    "ClinicalDocument": "typeId templateId id code title effectiveTime confidentialityCode languageCode "
    "setId versionNumber "
    "recordTarget author custodian documentationOf relatedDocument componentOf component",
    "patientRole": "id addr telecom patient providerOrganization",
    "patient": "name administrativeGenderCode birthTime",
    "author": "templateId time assignedAuthor",
    "assignedAuthor": "id addr telecom assignedPerson assignedAuthoringDevice representedOrganization",
    "assignedAuthoringDevice": "code manufacturerModelName softwareName",
    "representedOrganization": "id name telecom addr",
    "providerOrganization": "id name telecom addr",
    "representedCustodianOrganization": "id name telecom addr",
    "encompassingEncounter": "id effectiveTime",
    "serviceEvent": "effectiveTime",
    "nonXMLBody": "text",
}
# What the Scanned Documents Content Module (IHE ITI TF-3 5.2) requires in addition.
REQUIRED = (
    "v:templateId[@root='1.3.6.1.4.1.19376.1.2.20']",
    "v:typeId[@root='2.16.840.1.113883.1.3'][@extension='POCD_HD000040']",
    "v:id[@root]",
    "v:code",
    "v:effectiveTime[@value]",
    "v:confidentialityCode[@code='N'][@codeSystem='2.16.840.1.113883.5.25']",
    "v:languageCode[@code]",
    "v:recordTarget/v:patientRole/v:id[@root][@extension]",
    "v:recordTarget/v:patientRole/v:addr/v:country",
    "v:recordTarget/v:patientRole/v:patient/v:name/v:given",
    "v:recordTarget/v:patientRole/v:patient/v:name/v:family",
    "v:recordTarget/v:patientRole/v:patient/v:administrativeGenderCode",
    "v:recordTarget/v:patientRole/v:patient/v:birthTime",
    "v:author/v:templateId[@root='1.3.6.1.4.1.19376.1.2.20.1']/../v:assignedAuthor/v:assignedPerson/v:name",
    "v:author/v:templateId[@root='1.3.6.1.4.1.19376.1.2.20.2']/../v:time[@value]",
    "v:author/v:assignedAuthor/v:id[@root]/../v:assignedAuthoringDevice/v:code[@codeSystem='1.2.840.10008.2.16.4']",
    "v:author/v:assignedAuthor/v:assignedAuthoringDevice/v:manufacturerModelName",
    "v:author/v:assignedAuthor/v:assignedAuthoringDevice/v:softwareName",
    "v:author/v:assignedAuthor/v:representedOrganization/v:id[@root]/../v:name",
    "v:custodian/v:assignedCustodian/v:representedCustodianOrganization/v:name",
    "v:custodian/v:assignedCustodian/v:representedCustodianOrganization/v:addr/v:country",
    "v:documentationOf/v:serviceEvent/v:effectiveTime/v:low",
    "v:component/v:nonXMLBody/v:text[@mediaType='application/pdf'][@representation='B64']",
)


def out_of_order(element: Element) -> list[str]:
    """Return the elements whose children are not in the order of the schema."""
    name = element.tag.partition("}")[2]
    children = [child.tag.partition("}")[2] for child in element]
    wrong = []
    if name in ORDER:
        allowed = ORDER[name].split()
        places = [allowed.index(child) if child in allowed else -1 for child in children]
        wrong = [name] if -1 in places or places != sorted(places) else []
    return wrong + [below for child in element for below in out_of_order(child)]


BARE = {
    "encounter": None,
    "author": None,
    "facility": None,
    "date_of_service": None,
    "type": document_types()["identity_document"],
}


@pytest.mark.parametrize("changes", [{}, BARE, {"change": "replace", "edition": 2, "replaces": 1}])
def test_an_xds_sd_document_has_what_the_content_module_requires_in_the_order_of_the_schema(
    changes: dict[str, object],
) -> None:
    root = fromstring(xds_sd(a_delivery_item(**changes), PDF.data))
    assert [path for path in REQUIRED if root.find(path, V3) is None] == []
    assert out_of_order(root) == []
    assert b64decode(root.findtext("v:component/v:nonXMLBody/v:text", namespaces=V3) or "") == PDF.data


def test_unknown_values_are_marked_unknown_and_never_invented() -> None:
    unnamed = replace(a_delivery_item().patient, given=None, family=None, dob=None, sex=None)
    root = fromstring(xds_sd(a_delivery_item(**BARE, patient=unnamed), PDF.data))
    unknown = [element.tag.partition("}")[2] for element in root.iter() if element.get("nullFlavor") == "UNK"]
    assert {"code", "birthTime", "administrativeGenderCode", "low", "high", "name"} <= set(unknown)
    assert root.findtext("v:code/v:originalText", namespaces=V3) == "Identity document"


def test_names_with_xml_delimiters_and_characters_that_xml_does_not_allow_are_written() -> None:
    strange = replace(a_delivery_item().patient, family="O'Neil <&> \x0b\ud800Ж")
    root = fromstring(xds_sd(a_delivery_item(patient=strange), PDF.data))
    assert root.findtext(".//v:patient/v:name/v:family", namespaces=V3) == "O'Neil <&> Ж"


def test_the_same_delivery_has_the_same_bytes_at_every_attempt() -> None:
    item, again = a_delivery_item(), a_delivery_item(attempts=7)
    assert xds_sd(item, PDF.data) == xds_sd(again, PDF.data)
    assert str(mdm(item, PDF)) == str(mdm(again, PDF))


@pytest.mark.parametrize("key", sorted(document_types()))
def test_a_document_of_every_type_is_a_valid_message(key: str) -> None:
    text = str(mdm(a_delivery_item(type=document_types()[key], encounter=None), PDF))
    if key in (
        "letter",
        "prior_authorization",
        "emergency_department_note",
    ):  # the library needs a tenth of a second for each
        validate(text)
    txa = next(line for line in text.split("\r") if line.startswith("TXA")).split("|")
    assert 0 < len(txa[2]) <= 30
