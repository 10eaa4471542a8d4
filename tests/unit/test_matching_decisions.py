"""From two records, or a record and its candidates, to a decision."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pipeline.config import load_settings
from pipeline.matching import decide, person_from_document, person_from_record
from pipeline.matching.decision_rules import candidate_probabilities, decide_match, reasons_from_score
from pipeline.matching.printed_names import parse_name
from pipeline.matching.weights import Frequencies, score_match
from pipeline.patients.match_json import match_pair
from pipeline.records import Candidate, Document, Field, Filed, NeedsReview, PatientRef, Reason

SETTINGS = load_settings()
SUSAN = {"given": "Susan", "family": "Caballero", "dob": "1964-09-29", "sex": "F", "mrn": "7700123"}
SUSAN |= {"address": "12 Main St", "city": "Salem", "zip": "01970"}


def pair(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    return match_pair({"id": "1", "left": left, "right": right}, SETTINGS.matching)


def found(asked: dict[str, Any], *index: dict[str, Any], size: int = 20_000) -> list[Candidate]:
    """The candidates as an index of this size, with one Susan and one Caballero in 10,000, would give
    them.
    """
    frequencies = Frequencies(
        size=size, counts={("given", "susan"): size // 10_000, ("family", "caballero"): size // 10_000}
    )
    weighings = [
        score_match(person_from_record(asked), person_from_record(known), frequencies) for known in index
    ]
    shares = candidate_probabilities(weighings, size, SETTINGS.matching)
    numbered = enumerate(zip(weighings, shares, strict=True), 1)
    candidates = [
        Candidate(
            patient=PatientRef(id=n, mrn=str(n)), probability=p, weight=w.bits, reasons=reasons_from_score(w)
        )
        for n, (w, p) in numbered
    ]
    return sorted(candidates, key=lambda c: -c.weight)


def decision(asked: dict[str, Any], *index: dict[str, Any], size: int = 20_000) -> tuple[str, set[str]]:
    verdict = decide_match(found(asked, *index, size=size), SETTINGS.matching)
    return verdict.decision, {reason.code for reason in verdict.reasons}


def test_name_and_birth_date_alone_do_not_match_two_records_but_with_an_address_they_do() -> None:
    name_and_date = {key: SUSAN[key] for key in ("given", "family", "dob", "sex")}
    assert pair(name_and_date, name_and_date)["decision"] == "possible"
    assert pair(SUSAN, SUSAN | {"mrn": ""})["decision"] == "match"


def test_a_birth_date_with_a_wrong_digit_is_not_a_second_identifier_but_one_with_a_similar_digit_is() -> None:
    printed = {key: SUSAN[key] for key in ("given", "family", "sex")} | {"middle": "Ruth"}
    known = SUSAN | {"middle": "Ruth"}
    assert decision(printed | {"dob": "1965-09-29"}, known)[1] >= {"insufficient_identifiers"}
    assert (
        "insufficient_identifiers"
        not in decision(printed | {"dob": "1984-09-29"}, SUSAN | {"middle": "Ruth", "dob": "1934-09-29"})[1]
    )
    assert (
        "insufficient_identifiers"
        not in decision(printed | {"dob": "1965-09-29", "mrn": SUSAN["mrn"]}, known)[1]
    )


def test_twins_are_two_people_although_all_but_the_given_name_agrees() -> None:
    twin = SUSAN | {"given": "Ellen", "mrn": ""}
    assert pair(SUSAN | {"mrn": ""}, twin)["decision"] != "match"


@pytest.mark.parametrize("given", ["Dolores", "Marisol", "Ellen"])
@pytest.mark.parametrize("middle", ["M", "Susan", ""])
def test_a_different_given_name_is_never_a_match_whatever_else_agrees(given: str, middle: str) -> None:
    other = SUSAN | {"given": given, "middle": middle}
    everything = {"phone": "5552104477", "email": "s@example.org", "ssn": "219-09-9999", "mrn": "7700123"}
    assert pair(SUSAN | everything, SUSAN | everything)["decision"] == "match"
    assert pair(SUSAN | everything, other | everything)["decision"] != "match"


def test_father_and_son_of_one_name_at_one_address_are_two_people() -> None:
    father = {
        "given": "John",
        "family": "Caballero",
        "suffix": "Sr",
        "dob": "1940-01-17",
        "address": "12 Main St",
        "zip": "01970",
    }
    assert pair(father, father | {"suffix": "Jr", "dob": "1968-06-02"})["decision"] == "none"


def test_missing_values_have_no_weight() -> None:
    assert pair({"given": "Susan"}, {"family": "Caballero"})["weight"] == 0


def test_a_rare_name_weighs_more_than_a_common_one() -> None:
    common, rare = (
        {"given": "Ann", "family": family, "dob": "1964-09-29"} for family in ("Smith", "Wielgosz")
    )
    assert pair(rare, rare)["weight"] > pair(common, common)["weight"] + 3


def test_a_document_with_name_birth_date_and_number_is_filed_automatically() -> None:
    assert decision(SUSAN, SUSAN)[0] == "match"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sex": "M", "mrn": ""}, "sex_contradicts"),
        ({"dob": "1971-03-08"}, "dob_contradicts"),
        ({"mrn": "9154420"}, "mrn_contradicts"),
        ({"given": "Ellen", "address": ""}, "given_contradicts"),
        ({"family": "Nowak", "address": ""}, "family_contradicts"),
    ],
)
def test_one_contradiction_needs_review_and_is_reported(change: dict[str, str], code: str) -> None:
    what, codes = decision(SUSAN | change, SUSAN)
    assert what == "possible"
    assert code in codes


def test_a_sex_that_differs_is_outweighed_by_name_birth_date_and_number_together() -> None:
    assert decision(SUSAN | {"sex": "M"}, SUSAN)[0] == "match"


def test_a_number_of_another_form_may_be_another_facilitys_and_contradicts_nothing() -> None:
    assert decision(SUSAN | {"mrn": "BRH-445-9012"}, SUSAN)[0] == "match"


def test_a_poorly_read_value_contradicts_nothing() -> None:
    printed = document(**PRINTED)
    blurred = tuple(
        replace(f, value="1931-05-17", confidence=0.2) if f.name == "dob" else f for f in printed.fields
    )
    candidates = found_for(replace(printed, fields=blurred))
    assert not {r.code for r in decide_match(candidates, SETTINGS.matching).reasons} & {"dob_contradicts"}


def test_an_initial_with_a_birth_date_may_belong_to_a_twin_who_is_not_in_the_index() -> None:
    asked = {
        "given": "S",
        "family": "Caballero",
        "dob": "1964-09-29",
        "sex": "F",
        "address": "12 Main St",
        "zip": "01970",
    }
    what, codes = decision(asked, SUSAN)
    assert what == "possible"
    assert "initial_only" in codes


def test_name_and_address_without_a_birth_date_may_be_the_father_of_that_name() -> None:
    asked = {key: value for key, value in SUSAN.items() if key not in ("dob", "mrn")}
    assert decision(asked, SUSAN)[0] == "possible"


def test_two_candidates_of_similar_probability_need_review() -> None:
    namesake = SUSAN | {"mrn": "", "address": ""}
    asked = {key: SUSAN[key] for key in ("given", "family", "dob", "sex")}
    what, codes = decision(asked, namesake, namesake)
    assert what == "possible"
    assert "ambiguous_candidates" in codes


def test_a_larger_index_makes_the_same_agreement_less_certain() -> None:
    asked = {key: SUSAN[key] for key in ("given", "family", "dob", "sex")}
    small, large = (found(asked, SUSAN, size=size)[0].probability for size in (20_000, 5_000_000))
    assert small > large


def test_a_person_who_resembles_no_patient_is_unknown() -> None:
    other = {"given": "Tomasz", "family": "Wielgosz", "dob": "1971-12-30", "sex": "M"}
    assert decision(other, SUSAN) == ("none", {"no_patient_found"})


def document(confidence: float = 0.99, **fields: str) -> Document:
    made = tuple(
        Field(name=n, value=v, page=1, box=(0, 0, 1, 1), confidence=confidence) for n, v in fields.items()
    )
    return Document(pages=(1,), type="progress_note", type_probability=0.99, fields=made)


PRINTED: dict[str, Any] = {"patient_name": "CABALLERO, SUSAN", "dob": "1964-09-29", "mrn": "770-0123"}


def test_the_fields_of_a_document_identify_its_patient() -> None:
    printed = document(**PRINTED)
    candidates = found_for(printed)
    filing = decide(printed, candidates, SETTINGS)
    assert isinstance(filing, Filed)
    assert filing.reasons[0].code == "auto_filed"


@pytest.mark.parametrize("family", ["Doe", "Test", "Na", "Null"])
def test_only_the_hospitals_own_placeholders_are_no_names(family: str) -> None:
    printed = document(patient_name=f"Anna {family}", dob="1964-09-29")
    assert person_from_document(printed).family == family.lower()
    person = person_from_document(printed, [family])
    assert (person.given, person.family) == ("anna", None)


def found_for(printed: Document) -> list[Candidate]:
    weighing = score_match(person_from_document(printed), person_from_record(SUSAN), Frequencies(size=20_000))
    (share,) = candidate_probabilities([weighing], 20_000, SETTINGS.matching)
    return [
        Candidate(
            patient=PatientRef(id=1, mrn="1"),
            probability=share,
            weight=weighing.bits,
            reasons=reasons_from_score(weighing),
        )
    ]


def test_poorly_read_values_weigh_less_for_and_against() -> None:
    sure, unsure = (
        score_match(person_from_document(document(c, **PRINTED)), person_from_record(SUSAN), Frequencies())
        for c in (0.99, 0.3)
    )
    assert unsure.bits < sure.bits
    wrong = PRINTED | {"dob": "1931-05-17"}
    sure, unsure = (
        score_match(person_from_document(document(c, **wrong)), person_from_record(SUSAN), Frequencies())
        for c in (0.99, 0.3)
    )
    assert unsure.bits > sure.bits - 8 > sure.bits - 20


def test_an_issue_of_segmentation_needs_review_whatever_the_patient() -> None:
    printed = replace(document(**PRINTED), issues=(Reason(code="mixed_patients", detail="two MRNs"),))
    filing = decide(printed, found_for(printed), SETTINGS)
    assert isinstance(filing, NeedsReview)
    assert [reason.code for reason in filing.reasons] == ["mixed_patients"]


def test_two_near_matches_without_an_exact_identifier_need_review() -> None:
    printed = document(
        patient_name="CABALLERO, SUSAN", dob="1964-09-28", mrn="770-0128", address="12 Main Street"
    )
    filing = decide(printed, found_for(printed), SETTINGS)
    assert isinstance(filing, NeedsReview)
    assert "multiple_near_matches" in {reason.code for reason in filing.reasons}


def test_a_document_without_a_patient_name_has_that_reason() -> None:
    filing = decide(document(date_of_service="2020-01-02"), [], SETTINGS)
    assert isinstance(filing, NeedsReview)
    assert filing.reasons[0].code == "no_patient_named"


def test_a_document_dated_after_the_patients_death_is_not_filed() -> None:
    printed = document(**PRINTED, date_of_service="2020-01-02")
    (living,) = found_for(printed)
    dead = Candidate(
        patient=living.patient,
        probability=living.probability,
        weight=living.weight,
        reasons=(*living.reasons, Reason(code="deceased", detail="2019-12-30")),
    )
    filing = decide(printed, [dead], SETTINGS)
    assert isinstance(filing, NeedsReview)
    assert {reason.code for reason in filing.reasons} == {"service_after_death"}


@pytest.mark.parametrize(
    ("printed", "parts"),
    [
        ("CABALLERO-REYES, SUSAN M", ("SUSAN", "M", "CABALLERO-REYES", "")),
        ("Mr. John Q. Smith Jr.", ("John", "Q.", "Smith", "Jr")),
        ("Smith Jr, John", ("John", "", "Smith", "Jr")),
        ("Smith, John, III", ("John", "", "Smith", "III")),
        ("George Jr. Jonathan David", ("Jonathan", "David", "George", "Jr")),
        ("Reyes Ana M", ("Ana", "M", "Reyes", "")),
    ],
)
def test_a_printed_name_is_split_into_its_parts(printed: str, parts: tuple[str, ...]) -> None:
    found = parse_name(printed)
    assert (found["given"], found["middle"], found["family"], found["suffix"]) == parts


def test_swapped_given_and_middle_names_match_at_one_address_and_need_review_elsewhere() -> None:
    left = SUSAN | {"given": "Susan", "middle": "Ruth", "mrn": ""}
    right = SUSAN | {"given": "Ruth", "middle": "Susan", "mrn": ""}
    assert pair(left, right)["decision"] == "match"
    assert (
        pair(left, right | {"address": "3 Elm St", "city": "Lynn", "zip": "01901"})["decision"] == "possible"
    )


def test_a_number_that_differs_is_outvoted_by_name_birth_date_and_street_but_not_where_the_name_differs() -> (
    None
):
    left, right = SUSAN | {"mrn": "", "ssn": "219-01-4477"}, SUSAN | {"mrn": "", "ssn": "880-55-1920"}
    assert pair(left, right)["decision"] == "match"
    assert pair(left, right | {"given": "Ellen"})["decision"] != "match"


def test_consecutive_numbers_with_different_given_names_are_twins() -> None:
    twin = SUSAN | {"given": "Ellen", "mrn": "7700124"}
    assert pair(SUSAN, twin)["decision"] != "match"
