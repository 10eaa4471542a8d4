"""Print slips, strips and certificates: prescriptions, monitor strips, run sheets, message slips, letters in
window envelopes, growth charts, and consents that name the patient in a sentence.
"""

from __future__ import annotations

from pipeline.synthetic.form_blocks import Fact, FormPen, blanks, captions_below, list_lines
from pipeline.synthetic.form_parts import LEFT, RIGHT, Facts, labeled, typewriter, value_of, write_lines


def prescription(pen: FormPen, facts: Facts, y: int) -> int:
    """Write a prescription: the prescriber on top, then the patient on lines to fill in."""
    font, small = pen.style.font(1.1, bold=True), pen.style.font(0.75)
    y = write_lines(pen, LEFT + 300, y, [value_of(facts, "provider"), value_of(facts, "facility")], font)
    number = f"DEA # {pen.rng.choice('ABF')}{pen.rng.choice('KMS')}{pen.rng.randint(10**6, 10**7 - 1)}"
    y = write_lines(pen, LEFT + 300, y, [value_of(facts, "town"), number], small) + 20
    rows = (("name", "dob"), ("address", "service"), ("mrn", "phone"))
    for row in rows:
        block = [facts[kind] for kind in row if kind in facts]
        if block:
            y = blanks(pen, block, LEFT, y, RIGHT)
    pen.canvas.write(LEFT, y, "Rx", pen.style.font(2.0, bold=True))
    return y + 90


def monitor_strip(pen: FormPen, facts: Facts, y: int) -> int:
    """Write the header of a tracing as a recorder prints it: numbers, name and settings on short lines."""
    font = typewriter(pen)
    when = value_of(facts, "service")
    lines = [
        f"{labeled(facts, 'mrn')}    {value_of(facts, 'name')}    {when} 10:22:0{pen.rng.randint(1, 9)}",
        f"{value_of(facts, 'age')} yr   {value_of(facts, 'sex')}   {labeled(facts, 'dob')}",
        f"Vent. rate {pen.rng.randint(50, 120)} bpm    PR interval {pen.rng.randint(120, 220)} ms",
        "25 mm/s  10 mm/mV  150 Hz  12SL",
    ]
    if pen.style.cut == 1:
        lines = [value_of(facts, "name"), *lines]
        lines[1] = f"{labeled(facts, 'mrn')}    {when}"
    return write_lines(pen, LEFT, y, lines, font) + 60


def certificate(pen: FormPen, facts: Facts, y: int) -> int:
    """Write the numbered items of a certificate, each with its instruction in parentheses."""
    small = pen.style.font(0.62)
    subject = pen.rng.choice(("PATIENT'S LEGAL NAME", "NAME OF PATIENT", "PATIENT'S NAME"))
    items = [
        (f"1. {subject} (Include AKA's if any) (First, Middle, Last)", value_of(facts, "name")),
        ("2. SEX", value_of(facts, "sex")),
        ("3. DATE OF BIRTH (Month, Day, Year)", value_of(facts, "dob")),
        ("4. FATHER'S NAME (First, Middle, Last)", value_of(facts, "relative")),
        ("5. MOTHER'S NAME PRIOR TO FIRST MARRIAGE", value_of(facts, "guarantor")),
        ("6. FACILITY NAME", value_of(facts, "facility")),
        ("7. MEDICAL RECORD NUMBER", value_of(facts, "mrn")),
        ("8. DATE PRONOUNCED OR SIGNED", value_of(facts, "other_date")),
    ]
    for index, (label, value) in enumerate(item for item in items if item[1]):
        x, top = LEFT + (index % 2) * 740, y + (index // 2) * 84
        pen.canvas.frame(x, top, x + 740, top + 84)
        pen.canvas.write(x + 6, top + 4, label, small)
        pen.canvas.write(x + 20, top + 40, value, pen.style.value_font)
    return y + 4 * 84 + 30


def message_slip(pen: FormPen, facts: Facts, y: int) -> int:
    """Write a telephone message: for whom, who called, and about which patient."""
    caller = Fact("other", "Caller", value_of(facts, "relative"))
    receiver = Fact("other", pen.rng.choice(("To", "For", "Message for")), value_of(facts, "provider"))
    patient = [facts[kind] for kind in ("name", "dob", "mrn", "phone") if kind in facts]
    block = [receiver, caller, *patient, Fact("other", "Taken by", "K. Osgood, RN")]
    if pen.style.cut == 2:
        block = [*patient, receiver, caller]
    return (blanks if pen.style.cut else list_lines)(pen, block, LEFT, y, RIGHT) + 20


def window_letter(pen: FormPen, facts: Facts, y: int) -> int:
    """Write a letter to the patient: the address in the window, the reference block to its right."""
    font = pen.style.value_font
    address = [value_of(facts, "name"), value_of(facts, "address"), value_of(facts, "town")]
    left = write_lines(pen, LEFT + 60, y + 60, address, font)
    block = [facts[kind] for kind in ("service", "mrn", "dob", "account") if kind in facts]
    right = list_lines(pen, block, 980, y + 40, RIGHT)
    y = max(left, right) + 50
    return write_lines(pen, LEFT, y, [f"Dear {value_of(facts, 'name')}:"], font) + 20


def run_sheet(pen: FormPen, facts: Facts, y: int) -> int:
    """Write a dense grid of an ambulance service, with labels in capitals above small values."""
    small = pen.style.font(0.55, bold=True)
    font = pen.style.font(0.85)
    pairs = [
        ("INCIDENT #", str(pen.rng.randint(10**5, 10**7))),
        ("UNIT", f"M-{pen.rng.randint(1, 40)}"),
        (
            facts["service"].label.upper() if "service" in facts else "SHIFT",
            value_of(facts, "service") or "B",
        ),
        ("PATIENT LAST, FIRST, MI", value_of(facts, "name")),
        ("DOB", value_of(facts, "dob")),
        ("AGE", value_of(facts, "age")),
        ("SEX", value_of(facts, "sex")),
        ("HOME ADDRESS", value_of(facts, "address")),
        ("NEXT OF KIN", value_of(facts, "relative")),
        ("HOSPITAL MRN", value_of(facts, "mrn")),
        ("RECEIVING FACILITY", value_of(facts, "facility")),
        ("CREW 1", value_of(facts, "guarantor")),
    ]
    at = LEFT
    for label, value in (pair for pair in pairs if pair[1]):
        wide = max(small.width(label), font.width(value)) + 26
        if at + wide > RIGHT:
            at, y = LEFT, y + 62
        pen.canvas.frame(at, y, at + wide, y + 62)
        pen.canvas.write(at + 5, y + 3, label, small)
        pen.canvas.write(at + 8, y + 28, value, font)
        at += wide
    return y + 90


def consent_sentence(pen: FormPen, facts: Facts, y: int) -> int:
    """Write a consent that names the patient in a sentence, and a sticker's facts at its end."""
    font = pen.style.font()
    name, born = value_of(facts, "name"), labeled(facts, "dob")
    y = write_lines(
        pen,
        LEFT,
        y,
        [
            f"I, {name}, hereby authorize {value_of(facts, 'facility')} and its staff",
            "to perform the procedure that was explained to me by my physician.",
        ],
        font,
    )
    block = [facts[kind] for kind in ("name", "dob", "mrn", "service") if kind in facts]
    if pen.style.cut == 0:
        pen.canvas.write(LEFT, y + 20, f"{born}    {labeled(facts, 'mrn')}", font)
        return y + 90
    return captions_below(pen, block, LEFT, y + 40, RIGHT)


def growth_chart(pen: FormPen, facts: Facts, y: int) -> int:
    """Write the head of a chart for a child: name and record number at the right, parents below."""
    x = 900
    y = list_lines(pen, [facts[k] for k in ("name", "mrn") if k in facts], x, y, RIGHT)
    parents = [
        Fact("other", "Mother's Stature", f"{pen.rng.randint(150, 180)} cm"),
        Fact("other", "Father's Name", value_of(facts, "relative")),
    ]
    dates = [facts[k] for k in ("dob", "service") if k in facts]
    return list_lines(pen, [*dates, *parents], LEFT, y, RIGHT) + 20
