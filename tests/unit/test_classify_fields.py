"""Index fields from the words of a page, as forms print them and as OCR misreads them."""

from __future__ import annotations

import pytest

from pipeline.classify.document_fields import select_document_fields
from pipeline.classify.fields import find_fields
from pipeline.classify.fields.confidence import calibrated_confidence, calibration_table
from pipeline.classify.fields.date_order import ambiguous_date, find_order_evidence, required_doubts
from pipeline.classify.fields.field_selection import names_match
from pipeline.classify.page_features import extract_page_features
from pipeline.config import load_settings
from pipeline.records import OcrPage, Word

SETTINGS = load_settings().classify
BOTH_DATES = ["ambiguous_date_of_service", "ambiguous_dob"]
LINE, LETTER = 40, 14


def page(*lines: str, number: int = 1, confidence: float = 0.95) -> OcrPage:
    """A page of lines; three spaces or more leave a gap of their width, as between columns of a form."""
    words = []
    for row, line in enumerate(lines):
        at = 0
        while at < len(line):
            if line[at] == " ":
                at += 1
                continue
            end = line.find(" ", at) if " " in line[at:] else len(line)
            box = (100 + at * LETTER, 100 + row * LINE, 100 + end * LETTER - 4, 124 + row * LINE)
            words.append(Word(text=line[at:end], box=box, confidence=confidence))
            at = end
    return OcrPage(
        number=number,
        image="0",
        width=1700,
        height=2200,
        dpi=200,
        words=tuple(words),
        text="\n".join(lines),
        confidence=0.9,
    )


def fields(*pages: OcrPage) -> dict[str, str]:
    return {field.name: field.value for field in find_fields(pages, SETTINGS)}


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Patient Name: SOLIS, EILEEN S     MRN: 1773033", "EILEEN S SOLIS"),
        ("PATIENT CLARK, DONNA   MR# 8581898", "DONNA CLARK"),
        ("Re: Eileen S. Solis", "Eileen S. Solis"),
        ("NAME: Luna Jr, Joshua A-     AGE: 39", "Joshua A Luna Jr"),
        ("Pt Name:   Jacobs ,Pamela J   Sex: F", "Pamela J Jacobs"),
        ("Patent Narne: Maria del Carmen Ortiz", "Maria del Carmen Ortiz"),
        ("Name: Maldonado, KevinC   Chart #: 7272745", "Kevin C Maldonado"),
        ("Patient: SMITH, HANNAH M Numi 7123", "HANNAH M SMITH"),
        ("Patient: DE LA CRUZ, Maria", "Maria DE LA CRUZ"),
    ],
)
def test_a_patients_name_is_read_in_every_usual_order_and_in_spite_of_ocr_errors(
    line: str, name: str
) -> None:
    assert fields(page(line))["patient_name"] == name


@pytest.mark.parametrize(
    "line",
    [
        "Attending Physician: Mark D. Thornton, M.D.",
        "Physician Name: Susan Osgood",
        "Patient is a 24-year-old white female",
        "Re: Records you asked for",
        "Emergency Contact: Peter Solis",
        "Patient: Dr. Angela Patel",
        "Mother's Name: Joan Solis",
    ],
)
def test_doctors_relatives_and_sentences_are_not_the_patient(line: str) -> None:
    assert "patient_name" not in fields(page(line))


@pytest.mark.parametrize(
    "lines",
    [
        ["Emergency Contact: Peter Solis   Phone: 217-555-0142"],
        ["Emergency Contact 1:", "First Name: Peter   Last Name: Solis", "Phone: 217-555-0142"],
        ["PRESCRIBER INFORMATION", "Name: Joan Osgood", "Phone: 217-555-0142", "Address: 12 Oak Street"],
        ["Laboratory: Kingsley Diagnostics", "Phone: 217-555-0142", "Address: 12 Oak Street"],
        ["Guarantor: Peter Solis", "Address: 12 Oak Street", "Date of Injury: 05/22/2012"],
        ["Insured's Address: 12 Oak Street   Insured's Telephone: 217-555-0142"],
    ],
)
def test_another_persons_telephone_and_address_are_not_the_patients(lines: list[str]) -> None:
    found = fields(page("Patient Name: SOLIS, EILEEN S   MRN: 1773033", "DOB: 05/12/1983", "", *lines))
    assert not {"phone", "address"} & set(found)
    assert found["patient_name"] == "EILEEN S SOLIS"


def test_the_patients_own_telephone_and_address_are_found_next_to_another_persons() -> None:
    found = fields(
        page(
            "PATIENT INFORMATION",
            "Patient Name: SOLIS, EILEEN S   MRN: 1773033",
            "Address: 9 Elm Street   Phone: 217-555-0199",
            "EMERGENCY CONTACT",
            "Name: Peter Solis   Phone: 217-555-0142",
        )
    )
    assert (found["address"], found["phone"]) == ("9 Elm Street", "217-555-0199")


def test_values_are_found_below_their_labels_in_a_boxed_form() -> None:
    form = page(
        "Patient Name           Unit #        Birthdate      Account #",
        "NGUYEN, REBECCA N      1222926       05/12/1983     6080195354",
    )
    assert fields(form) == {
        "patient_name": "REBECCA N NGUYEN",
        "mrn": "1222926",
        "dob": "1983-05-12",
        "account": "6080195354",
    }


def test_a_wrapped_value_is_found_on_the_next_line() -> None:
    form = page(
        "PATIENT WALLACE, BRIAN C   Sex: Male   Date of Procedure:", "21-Feb-2008   Report Date: 23-Feb-2008"
    )
    assert fields(form)["date_of_service"] == "2008-02-21"


def test_an_unlabeled_name_next_to_a_birth_date_is_the_patients_as_on_an_addressograph() -> None:
    found = find_fields([page("Torres, Michael B", "DOB: 11/03/1958   Age: 67   Sex: M")], SETTINGS)
    name = next(field for field in found if field.name == "patient_name")
    assert name.value == "Michael B Torres"
    assert name.confidence < 0.9


@pytest.mark.parametrize(
    ("line", "dob"),
    [
        ("DOB: 06/10/74", "1974-06-10"),
        ("D.O.B. 13-May-1973   Age: 25", "1973-05-13"),
        ("D.0.B. 15 Jul 1971", "1971-07-15"),
        ("Date of Birth: April 13; 1942", "1942-04-13"),
        ("Birthdate: O8/l0/1976", "1976-08-10"),
        ("Birth Date: 1936-10 15", "1936-10-15"),
        ("DOB: 03/24/40", "1940-03-24"),
    ],
)
def test_birth_dates_are_read_in_every_usual_form_and_two_digit_years_are_in_the_past(
    line: str, dob: str
) -> None:
    assert fields(page(line))["dob"] == dob


def test_the_date_of_service_is_not_the_print_fax_birth_or_transcription_date() -> None:
    found = fields(
        page(
            "04/02/2026 09:02 OAK HOLLOW PRACTICE FAX 555-0142 P.04/05",
            "Printed: 05/30/2012     Date Transcribed: 05/29/2012",
            "DOB: 03/09/1975         Date of Visit: 05/22/2012",
            "Dictated: 05/28/2012    Report Date: 05/29/2012",
        )
    )
    assert found["date_of_service"] == "2012-05-22"


@pytest.mark.parametrize(
    "lines",
    [
        ["Patient Signature: ____________   Date: 05/22/2012"],
        ["Electronically signed by Joan Hill, MD on 05/22/2012"],
        ["Anna Solis   05/22/2012", "SIGNED   DATE"],
        ["Effective Date: 05/22/2012"],
        ["Last Filled: 05/22/2012   Refills: 2"],
        ["ISS: 05/22/2012", "EXP: 05/22/2012"],
        ["05/22/1978", "25 Nov 2018", "24 Nov 2027"],
    ],
)
def test_dates_of_signatures_cards_and_refills_are_not_the_date_of_service(lines: list[str]) -> None:
    assert "date_of_service" not in fields(page("Patient Name: SOLIS, EILEEN S   MRN: 1773033", "", *lines))


@pytest.mark.parametrize(
    ("other", "date", "confidence"),
    [
        ("DOB: 25/12/1960", "2012-04-03", 1.0),
        ("DOB: 12/25/1960", "2012-03-04", 1.0),
        ("DOB: December 25, 1960", "2012-03-04", 0.89),
        ("DOB: 12/25/1960   Printed: 25/12/2012", "2012-03-04", 0.5),
    ],
)
def test_all_dates_of_a_document_decide_the_order_of_day_and_month(
    other: str, date: str, confidence: float
) -> None:
    found = find_fields([page("Patient: Anna Solis   Date of Visit: 03/04/2012", other)], SETTINGS)
    service = next(field for field in found if field.name == "date_of_service")
    assert service.value == date
    assert service.confidence <= confidence


@pytest.mark.parametrize(
    ("lines", "usual", "read", "doubts"),
    [
        # a document of the hospital's own country has the usual order
        (["Mercy Ridge Hospital, Dayton, OH 45402", "{dates}"], "month_first", "2012-03-04", []),
        (["Mercy Ridge Hospital, Leeds LS1 3EX", "{dates}"], "day_first", "2012-04-03", []),
        (["Mercy Ridge Hospital", "{dates}"], "day_first", "2012-04-03", []),
        # a document from abroad that shows no order
        (["Mercy Ridge Hospital, Dayton, OH 45402", "{dates}"], "day_first", "2012-03-04", BOTH_DATES),
        (
            ["King's Hospital, Denmark Hill, London SE5 9RS", "{dates}"],
            "month_first",
            "2012-03-04",
            BOTH_DATES,
        ),
        (["Tel. +49 30 450 5570", "{dates}"], "month_first", "2012-03-04", BOTH_DATES),
        (["Clinica Sur, Monterrey, Mexico", "{dates}"], "month_first", "2012-03-04", BOTH_DATES),
        # its dates, or the form of dates that is printed, decide wherever it comes from
        (["London SE5 9RS", "{dates}", "Seen 25/12/2011"], "month_first", "2012-04-03", []),
        (["London SE5 9RS", "{dates}", "(DD/MM/YYYY)"], "month_first", "2012-04-03", []),
        (["{dates}", "Dates: mm/dd/yyyy"], "day_first", "2012-03-04", []),
        # both orders
        (["{dates}", "Seen 25/12/2011, printed 12/25/2011"], "month_first", "2012-03-04", BOTH_DATES),
        # a date in words confirms the reading of the date of service
        (
            ["London SE5 9RS", "{dates}", "Date of Visit: March 4, 2012"],
            "month_first",
            "2012-03-04",
            ["ambiguous_dob"],
        ),
    ],
)
def test_a_date_whose_order_of_day_and_month_is_in_doubt_is_an_issue(
    lines: list[str], usual: str, read: str, doubts: list[str]
) -> None:
    dates = "Date of Visit: 03/04/2012   Date of Birth: 05/06/1960"
    features = extract_page_features(page(*(line.format(dates=dates) for line in lines)))
    found = select_document_fields([features], SETTINGS.model_copy(update={"date_order": usual}))
    service = next(field for field in found.fields if field.name == "date_of_service")
    assert (service.value, sorted(issue.code for issue in found.issues)) == (read, doubts)


def test_the_doubt_about_a_date_names_both_days() -> None:
    (issue,) = required_doubts([ambiguous_date("dob", "1960-05-06")], "insurance_card")
    assert "May 6, 1960 or June 5, 1960" in issue.detail


def test_a_doubt_about_a_date_of_service_counts_only_for_types_that_require_one() -> None:
    doubt = ambiguous_date("date_of_service", "2012-03-04")
    assert required_doubts([doubt], "discharge_summary") == [doubt]
    assert required_doubts([doubt], "insurance_card") == []


@pytest.mark.parametrize(
    "row",
    [
        "Protein +2 100 300 5000",
        "Ireland Army Clinic",
        "Albuquerque, New Mexico",
        "+1 312 555 0147",
        "SE5 9RS",
    ],
)
def test_results_and_american_places_are_no_signs_of_another_country(row: str) -> None:
    assert list(find_order_evidence([row])) == []


def test_only_the_sender_s_part_of_a_page_shows_where_it_comes_from() -> None:
    rows = ["Mercy Ridge Hospital", *["text"] * 8, "Phone: +44 20 7946 0958", *["text"] * 8]
    assert list(find_order_evidence(rows)) == []


@pytest.mark.parametrize("name", ["Test, Anna", "White, Anna", "Doe, Anna", "Page, Anna"])
def test_surnames_that_are_also_other_words_are_names(name: str) -> None:
    assert fields(page(f"Patient Name: {name}   MRN: 1773033"))["patient_name"] == f"Anna {name[:-6]}"


def test_headings_near_the_record_number_are_not_names() -> None:
    found = fields(
        page("MRN: 1773033   DOB: 05/12/1983", "Interval Events:", "OR AUTHORIZED PERSON'S SIGNATURE")
    )
    assert "patient_name" not in found


def test_a_discharge_summary_without_a_service_date_gives_a_date_of_the_stay() -> None:
    found = fields(
        page("Date of Admission: 01/18/2022", "Discharge Date: 01/22/2022", "Report Date: 01/23/2022")
    )
    assert found["date_of_service"] in ("2022-01-22", "2022-01-18")


def test_an_unlabeled_date_that_fits_the_printed_age_is_the_birth_date() -> None:
    found = fields(
        page("Robyn P. Hudson    801-1136", "Jul 23, 1970", "Age: 30   Date of Procedure: Nov 19, 2000")
    )
    assert (found["dob"], found["date_of_service"]) == ("1970-07-23", "2000-11-19")


@pytest.mark.parametrize(
    ("line", "mrn"),
    [
        ("MRN: JG05141985", "JG05141985"),
        ("Our Chart No.: 409-7394", "409-7394"),
        ("MED REC NO: 156-18O2", "156-1802"),
        ("Patient ID / MRN: MRN-004738", "MRN-004738"),
        ("Acct#: 88234-A   Physician: Dr. Elena Vasquez, MD", "88234-A"),
    ],
)
def test_record_numbers_of_several_schemes_are_read_as_printed(line: str, mrn: str) -> None:
    assert fields(page(line))["mrn"] == mrn


def test_an_account_number_is_not_taken_for_the_record_number() -> None:
    found = fields(
        page("MRN: 1773033     Account #: 7279654994", "Accession #: S25-12345   Fax: (555) 555-0142")
    )
    assert (found["mrn"], found["account"], found["accession"]) == ("1773033", "7279654994", "S25-12345")
    assert "mrn" not in fields(page("Account #: 7279654994"))


def test_codes_are_found_under_their_headings_and_vertebrae_are_not_codes() -> None:
    found = find_fields(
        [
            page(
                "Diagnosis code (ICD-10): E11.9   I10",
                "CPT 57307",
                "",
                "Herniated disc at T12.5, Kingsley, OH 41121",
            )
        ],
        SETTINGS,
    )
    assert [(field.name, field.value) for field in found] == [
        ("cpt", "57307"),
        ("icd10", "E11.9 I10"),
    ]


def test_insurance_numbers_sex_author_and_facility_are_found_with_the_boxes_of_their_words() -> None:
    first = page(
        "Mercy Ridge Hospital",
        "8458 Medical Parkway, Kingsley, IL 76964",
        "Patient: Aaron Avila    Sex: M",
        "Member ID: W463677015   Group #: 00412",
        "Attending: Joyce F. Osgood, MD",
    )
    found = {field.name: field for field in find_fields([first], SETTINGS)}
    assert {name: found[name].value for name in ("sex", "member_id", "group", "author", "facility")} == {
        "sex": "male",
        "member_id": "W463677015",
        "group": "00412",
        "author": "Joyce F. Osgood",
        "facility": "Mercy Ridge Hospital",
    }
    at = len("Member ID: ")
    assert found["member_id"].box == (
        100 + at * LETTER,
        100 + 3 * LINE,
        100 + (at + 10) * LETTER - 4,
        124 + 3 * LINE,
    )


def test_agreement_across_pages_raises_the_confidence_and_disagreement_lowers_it() -> None:
    one, same, other = page("MRN: 1773033"), page("MRN: 1773033", number=2), page("MRN: 5809804", number=2)

    def confidence(*pages: OcrPage) -> float:
        return next(field.confidence for field in find_fields(pages, SETTINGS) if field.name == "mrn")

    assert confidence(one, same) > confidence(one) > confidence(one, other)


def test_poorly_read_words_lower_the_confidence() -> None:
    def confidence_of_number(confidence: float) -> float:
        return find_fields([page("MRN: 1773033", confidence=confidence)], SETTINGS)[0].confidence

    assert confidence_of_number(0.95) > confidence_of_number(0.6)


def test_a_name_is_the_same_in_any_order_and_with_or_without_its_initial() -> None:
    assert names_match("SOLIS, EILEEN S", "Eileen Solis")
    assert not names_match("Aaron Avila", "Tracey Gardner")


@pytest.mark.parametrize(
    ("scheme", "right", "wrong"), [("luhn", "79927398713", "79927398718"), ("mod11", "1234560", "1234568")]
)
def test_a_record_number_with_a_wrong_check_digit_has_low_confidence(
    scheme: str, right: str, wrong: str
) -> None:
    checked = SETTINGS.model_copy(update={"mrn_check": scheme, "mrn_patterns": (r"\d{6,11}",)})
    confidence = {
        number: find_fields([page(f"MRN: {number}")], checked)[0].confidence for number in (right, wrong)
    }
    assert confidence[right] > 0.9
    assert confidence[wrong] <= 0.2


def test_a_sentence_or_street_that_begins_like_a_label_is_not_a_facility() -> None:
    found = fields(
        page(
            "CEDAR BLUFF MEMORIAL HOSPITAL",
            "1580 Clinic Drive, Dunmore, OH 73983",
            "Patient: Eileen S. Solis   MRN: 1773033",
            "Hospital Course: The patient was admitted from the office.",
            "LABORATORY DATA: White count was 6.7 on admission",
        )
    )
    assert found["facility"] == "CEDAR BLUFF MEMORIAL HOSPITAL"


def test_a_title_of_a_document_is_not_a_facility() -> None:
    assert "facility" not in fields(
        page("SURGICAL PATHOLOGY REPORT", "Patient: Eileen S. Solis   MRN: 1773033")
    )


def test_the_specialty_before_a_doctors_name_is_not_part_of_it() -> None:
    signed = page(
        "Patient: Eileen S. Solis   MRN: 1773033",
        "Electronically signed by: INTERNAL MEDICINE RAJESH PATEL, MD",
    )
    assert fields(signed)["author"] == "RAJESH PATEL"


def test_a_hospital_that_signs_is_not_an_author() -> None:
    assert "author" not in fields(
        page("Patient: Eileen S. Solis   MRN: 1773033", "Signed: Mercy Ridge Hospital")
    )


def test_an_id_next_to_an_insurer_is_the_members_and_not_the_record_number() -> None:
    found = fields(page("Patient Name: Eileen S. Solis", "Insurance: Blue River Health   ID# BRH-445-9012"))
    assert found["member_id"] == "BRH-445-9012"
    assert "mrn" not in found


def test_the_letterheads_telephone_is_not_the_patients() -> None:
    head = (
        "Cedar Bluff Memorial Hospital",
        "Phone: (217) 555-1212   Fax: (217) 555-1213",
        "Patient: Eileen S. Solis   MRN: 1773033",
    )
    assert "phone" not in fields(page(*head))
    assert fields(page(*head, "Phone: (217) 555-8844"))["phone"] == "217-555-8844"


def test_an_outside_laboratorys_account_is_a_substitute_record_number_with_low_confidence() -> None:
    report = page("Patient: Eileen S. Solis   DOB: 05/12/1983", "Acct#: 88234-A")
    by_name = {field.name: field for field in find_fields([report], SETTINGS)}
    assert by_name["account"].value == "88234-A"
    assert by_name["mrn"].confidence < 0.8


def test_codes_in_parentheses_at_the_end_of_a_sentence_are_read() -> None:
    assert fields(page("Decompression of the spinal canal (CPT 63075)."))["cpt"] == "63075"


def test_a_card_without_labels_names_the_patient_number_and_birth_date() -> None:
    stamped = page(
        "Northgate Hospital",
        "",
        "MALDONADO, KEVIN C",
        "7272745",
        "05/12/1983",
        "M",
        "",
        "Seen on 04/02/2019 for cough",
    )
    found = fields(stamped)
    assert (found["patient_name"], found["mrn"], found["dob"]) == (
        "KEVIN C MALDONADO",
        "7272745",
        "1983-05-12",
    )


def test_a_card_with_a_number_that_begins_with_a_letter_gives_no_record_number() -> None:
    assert "mrn" not in fields(page("DRIVER LICENSE", "MALDONADO, KEVIN C", "K44015274", "05/12/1983"))


def test_a_record_number_printed_in_groups_is_read_completely() -> None:
    assert fields(page("Patient: Eileen S. Solis   MRN #: 176 3730"))["mrn"] == "1763730"


@pytest.mark.parametrize(
    "line",
    [
        "Patient:Jane Doe DOB:06/30/2015 MRN#1234567 Time:10:30",
        "Name:DOE,JANE   DQB:.06/30/2015   MRN:1234567   http://clinic.example/1",
        "Patient: Jane Doe   MRN: 1234567Date: 01/02/2020   DOB:06/30/2015Sex: F",
        "Patient: Doe, JaneAge: 35   MRN: 1234567   DOB: 06/30/2015",
    ],
)
def test_labels_and_values_without_a_space_between_them_are_separated(line: str) -> None:
    found = fields(page(line))
    assert found["patient_name"].upper() == "JANE DOE"
    assert (found["dob"], found["mrn"]) == ("2015-06-30", "1234567")


def test_a_dash_between_label_and_value_counts_as_a_colon() -> None:
    assert fields(page("RE: Irene Rourke   Born - 09/12/1959   Chart # - 3534719"))["dob"] == "1959-09-12"


def test_calibration_never_raises_the_confidence_of_an_identifier() -> None:
    for field in ("patient_name", "mrn", "dob"):
        for raw in (0.2, 0.5, 0.89, 0.97):
            assert calibrated_confidence(field, raw) <= raw


def test_calibration_alone_makes_no_value_confident() -> None:
    assert all(calibrated_confidence(field, 0.6) <= 0.89 for field in calibration_table())


def confidence_of(name: str, *lines: str) -> float:
    (found,) = (field for field in find_fields([page(*lines)], SETTINGS) if field.name == name)
    return found.confidence


def test_a_name_with_a_gap_in_which_an_initial_may_be_lost_is_not_confident() -> None:
    filler = ("The patient was seen today and is doing well at home",) * 3
    assert confidence_of("patient_name", "Patient: Christian I. Wilson", *filler) > 0.9
    assert confidence_of("patient_name", "Patient: Christian    Wilson", *filler) < 0.9


def test_a_discharge_date_as_a_substitute_date_of_service_is_not_confident() -> None:
    assert confidence_of("date_of_service", "Date of Service: 02/25/2011") > 0.9
    assert confidence_of("date_of_service", "D/C Date: 02/07/2011") < 0.9


def test_calibrated_confidences_keep_the_order_of_the_raw_ones() -> None:
    for field in calibration_table():
        confidences = [calibrated_confidence(field, raw / 100) for raw in range(1, 100)]
        assert confidences == sorted(confidences)
