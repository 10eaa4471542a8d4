"""Print pages that name several people or are divided into sections: registrations, reports, requests and
invoices.
"""

from __future__ import annotations

from pipeline.synthetic.form_blocks import Fact, FormPen, boxes_above, list_lines
from pipeline.synthetic.form_parts import LEFT, RIGHT, Facts, labeled, value_of, write_lines
from pipeline.synthetic.page import Font


def history_columns(pen: FormPen, facts: Facts, y: int) -> int:
    """Write the patient on the left and a relative or insured person on the right."""
    middle = (LEFT + RIGHT) // 2
    heads = (
        "PATIENT INFORMATION",
        pen.rng.choice(
            ("RESPONSIBLE PARTY", "GUARANTOR INFORMATION", "EMERGENCY CONTACT", "INSURED / SUBSCRIBER")
        ),
    )
    for x, head in zip((LEFT, middle), heads, strict=True):
        pen.canvas.write(x, y, head, pen.style.font(0.95, bold=True))
    y += pen.step + 8
    mine = [facts[k] for k in ("name", "dob", "mrn", "sex", "phone", "service") if k in facts]
    theirs = [
        Fact("other", "Name", value_of(facts, "relative")),
        Fact("other", "Relationship", "Parent"),
        Fact("other", "Date of Birth", value_of(facts, "insured_born")),
        Fact("other", "Phone", "(312) 555-0147"),
    ]
    print_facts = boxes_above if pen.style.numbered else list_lines
    return max(print_facts(pen, mine, LEFT, y, middle - 30), print_facts(pen, theirs, middle, y, RIGHT)) + 20


def laboratory_head(pen: FormPen, facts: Facts, y: int) -> int:
    """Write the head of a laboratory report: patient, specimen and client side by side."""
    third = (RIGHT - LEFT) // 3
    blocks = (
        [facts[k] for k in ("name", "dob", "sex", "mrn") if k in facts],
        [facts[k] for k in ("accession", "service", "other_date") if k in facts],
        [facts[k] for k in ("provider",) if k in facts],
    )
    heads = (
        ("Patient Information", "Specimen Information", "Client Information"),
        ("", "", ""),
        ("PATIENT", "SPECIMEN", "ORDERED BY"),
    )[pen.style.cut % 3]
    bottom = y
    for index, (head, block) in enumerate(zip(heads, blocks, strict=True)):
        x = (LEFT, LEFT + third + 160, LEFT + 2 * third + 120)[index]
        if head:
            pen.canvas.write(x, y, head, pen.style.font(0.9, bold=True))
        below = list_lines(pen, block, x, y + pen.step, x + third)
        if index == 2:
            below = write_lines(
                pen,
                x,
                below,
                [value_of(facts, "facility"), value_of(facts, "address"), value_of(facts, "town")],
                pen.style.font(0.85),
            )
        bottom = max(bottom, below)
    return bottom + 30


def specimen_label(pen: FormPen, facts: Facts, y: int) -> int:
    """Write two printed stickers of the same patient, as on a requisition."""
    font = Font("narrow", 23, cut=pen.style.cut)
    for x in (LEFT, LEFT + 760):
        lines = [
            value_of(facts, "name"),
            f"{labeled(facts, 'dob')} {value_of(facts, 'sex')}",
            f"{labeled(facts, 'mrn')}",
            f"{value_of(facts, 'accession')}",
        ]
        if pen.style.cut == 2:
            lines.insert(0, value_of(facts, "facility"))
        bottom = write_lines(pen, x + 12, y + 10, lines, font)
        pen.canvas.frame(x, y, x + 640, bottom + 8)
    return bottom + 50


def sidebar(pen: FormPen, facts: Facts, y: int) -> int:
    """Write the facts in a narrow column at the left; the text of the page is to its right."""
    font = pen.style.label_font
    top = y
    for kind in ("name", "dob", "age", "mrn", "account", "service", "provider"):
        if kind in facts:
            pen.label(LEFT, y, facts[kind].label)
            pen.value(LEFT, y + round(font.size * 1.2), facts[kind].value)
            y += round(font.size * 1.2) + pen.step + 8
    at = max(LEFT + 560, 620)
    body = Font(pen.style.face, pen.style.size, cut=pen.style.cut)
    write_lines(
        pen,
        at,
        top,
        [
            "Reviewed the interval history with the",
            "patient and family at length. The lungs",
            "are clear. Continue the present plan and",
            "return in six weeks or sooner if needed.",
            "Labs were drawn and sent. Dr. Osgood",
            "will see the patient on the next visit.",
        ],
        body,
    )
    return max(y, top + 300) + 30


def split_name(pen: FormPen, facts: Facts, y: int) -> int:
    """Write family and given name in boxes or blanks of their own."""
    parts = [facts[k] for k in ("family", "given", "middle") if k in facts and facts[k].value]
    if pen.style.cut == 1:
        parts = [parts[1], parts[0], *parts[2:]]
    rest = [facts[k] for k in ("dob", "sex", "mrn", "phone", "service", "member") if k in facts]
    print_facts = boxes_above if pen.style.numbered or pen.style.cut else list_lines
    y = print_facts(pen, parts, LEFT, y, RIGHT)
    return print_facts(pen, rest, LEFT, y + 6, RIGHT)


def prior_authorization(pen: FormPen, facts: Facts, y: int) -> int:
    """Write the sections of a request to an insurer: member, prescriber, and service."""
    heads = (
        ("MEMBER INFORMATION", ("name", "dob", "member", "phone")),
        ("PRESCRIBER INFORMATION", ("provider", "other_number")),
        ("REQUESTED SERVICE", ("service",)),
    )
    for head, kinds in heads:
        pen.canvas.fill(LEFT, y, RIGHT, y + 40)
        pen.canvas.write(LEFT + 10, y + 6, head, pen.style.font(0.85, bold=True), white=True)
        y += 56
        block = [facts[k] for k in kinds if k in facts]
        if head.startswith("PRESCRIBER"):
            block = [
                Fact("other", "Name", value_of(facts, "provider")),
                *block[1:],
                Fact("other", "Office Phone", "(217) 555-0111"),
            ]
        if block:
            y = (boxes_above if pen.style.numbered else list_lines)(pen, block, LEFT + 10, y, RIGHT)
    return y + 10


def billing_statement(pen: FormPen, facts: Facts, y: int) -> int:
    """Write the head and the lines of an invoice."""
    y = list_lines(
        pen,
        [facts[k] for k in ("name", "account", "other_date", "insurer", "member") if k in facts],
        LEFT,
        y,
        RIGHT,
    )
    columns = (LEFT, LEFT + 300, LEFT + 1000, LEFT + 1250)
    for x, text in zip(
        columns, (_label_of(facts, "service"), "Description", "Charge", "Balance"), strict=True
    ):
        pen.canvas.write(x, y, text, pen.style.font(0.85, bold=True))
    for number in range(pen.rng.randint(1, 4)):
        y += pen.step
        row = (
            value_of(facts, "service"),
            ("Office visit", "Laboratory", "Imaging", "Supplies")[number],
            f"${pen.rng.randint(20, 900)}.00",
            "$0.00",
        )
        for x, text in zip(columns, row, strict=True):
            pen.canvas.write(x, y, text, pen.style.font(0.9))
    return y + 90


def _label_of(facts: Facts, kind: str) -> str:
    return facts[kind].label if kind in facts else "Item"
