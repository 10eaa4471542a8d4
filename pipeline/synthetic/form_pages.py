"""Print whole form pages whose layout is more than an arrangement of labels and values: cards, claim forms, wristbands,
dictation headers, addressographs, print banners and histories in two columns.

Every structure is a function of a pen and the facts by kind; it writes the part of the page that names the patient, and
returns the y below it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from pipeline.synthetic.form_blocks import Fact, FormPen, boxes_above, list_lines
from pipeline.synthetic.page import HEIGHT, WIDTH, Font

LEFT, RIGHT, TOP = 110, 1590, 100

Facts: TypeAlias = Mapping[str, Fact]
Structure: TypeAlias = Callable[[FormPen, Facts, int], int]

MONO_SIZE = 27


def _mono(pen: FormPen) -> Font:
    return Font("mono", MONO_SIZE, cut=pen.style.cut)


def _lines(pen: FormPen, x: int, y: int, lines: list[str], font: Font) -> int:
    for line in lines:
        if line.strip():
            pen.canvas.write(x, y, line, font)
            y += round(font.size * 1.3)
    return y


def _value(facts: Facts, kind: str) -> str:
    return facts[kind].value if kind in facts else ""


def _labeled(facts: Facts, kind: str, end: str = ":") -> str:
    return f"{facts[kind].label}{end} {facts[kind].value}" if kind in facts else ""


def addressograph_plain(pen: FormPen, facts: Facts, y: int) -> int:
    """Write a stamped card without labels in the upper right corner, next to the form's title."""
    rng, font = pen.rng, _mono(pen)
    x = rng.choice((LEFT + 10, 900, 1000))
    name, born, number = (_value(facts, kind) for kind in ("name", "dob", "mrn"))
    sex_age = f"{_value(facts, 'sex')} {_value(facts, 'age')}".strip()
    orders = (
        [name, f"{number}   {born}", sex_age, _value(facts, "provider")],
        [number, name, born, sex_age],
        [f"{number}  {_value(facts, 'account')}", name, f"{born}  {sex_age}", _value(facts, "provider")],
        [name, born, number],
    )
    pen.canvas.write(1100 if x < 500 else LEFT, y, _value(facts, "title"), pen.style.font(1.2, bold=True))
    return _lines(pen, x, y, orders[pen.style.cut % len(orders)], font) + 60


def addressograph_labeled(pen: FormPen, facts: Facts, y: int) -> int:
    """Write a printed sticker: the name without a label, the numbers with short ones."""
    font, small = _mono(pen), Font("narrow", 22, cut=pen.style.cut)
    x = pen.rng.choice((LEFT, 880))
    name = _value(facts, "name")
    lines = [
        name,
        f"{_labeled(facts, 'mrn')}  {_labeled(facts, 'sex')}",
        f"{_labeled(facts, 'dob')}  {_labeled(facts, 'age')}",
    ]
    if pen.style.cut == 1:
        lines = [lines[1], name, lines[2]]
    if "service" in facts:
        lines.append(_labeled(facts, "service"))
    if "provider" in facts:
        lines.append(_value(facts, "provider"))
    bottom = _lines(pen, x + 14, y + 12, lines, font if pen.style.cut else small)
    pen.canvas.frame(x, y, x + 690, bottom + 8)
    return bottom + 50


def wristband(pen: FormPen, facts: Facts, y: int) -> int:
    """Write a strip as a wristband printer does: large name, then numbers in few words."""
    big, small = pen.style.font(1.3, bold=True), pen.style.font(0.85)
    end = pen.canvas.write(LEFT, y, _value(facts, "name"), big)
    pen.canvas.write(max(end + 60, 900), y + 6, _labeled(facts, "mrn", pen.style.end), small)
    y += round(big.size * 1.4)
    text = f"{_labeled(facts, 'dob', pen.style.end)}   {_value(facts, 'age')} {_value(facts, 'sex')}   {_labeled(facts, 'account', pen.style.end)}"
    pen.canvas.write(LEFT, y, text, small)
    pen.canvas.write(1150, y, _value(facts, "provider"), small)
    return y + 60


def emr_banner(pen: FormPen, facts: Facts, y: int) -> int:
    """Write the banner that an EMR prints above every page."""
    font = pen.style.font(0.9)
    name, age, sex = (_value(facts, kind) for kind in ("name", "age", "sex"))
    dob, mrn = (_labeled(facts, kind, pen.style.end) for kind in ("dob", "mrn"))
    forms = (
        f"{name}  {dob} ({age} y) {sex}  {mrn}",
        f"{name} ({mrn})  {dob} ({age} yrs)  {sex}",
        f"{mrn}   {name}   {age} yo {sex}   {dob}",
        f"{name}, {age} y.o. {sex}    {dob}    {mrn}",
    )
    pen.canvas.write(LEFT, y, forms[pen.style.cut % len(forms)], font)
    y += round(font.size * 1.4)
    rest = "   ".join(
        filter(None, (_labeled(facts, "service"), _labeled(facts, "provider"), _labeled(facts, "account")))
    )
    pen.canvas.write(LEFT, y, rest, font)
    return y + round(font.size * 1.8)


def page_footer(pen: FormPen, facts: Facts, y: int) -> int:
    """Write the patient's facts only at the foot of the page."""
    bottom = HEIGHT - 150
    pen.canvas.line(LEFT, bottom - 10, RIGHT, bottom - 10)
    kinds = ("name", "dob", "mrn", "account")
    text = "   ".join(
        _labeled(facts, kind, pen.style.end) if kind != "name" or pen.style.cut else _value(facts, kind)
        for kind in kinds
        if kind in facts
    )
    pen.canvas.write(LEFT, bottom, text, pen.style.font(0.85))
    pen.canvas.write(LEFT, y, _value(facts, "title"), pen.style.font(1.3, bold=True))
    if "service" in facts:
        list_lines(pen, [facts["service"]], LEFT, y + 60, RIGHT)
    return y + 120


def dictation_header(pen: FormPen, facts: Facts, y: int) -> int:
    """Write the header of a transcription service, in capitals, with its many dates."""
    font = _mono(pen)
    for kind in ("name", "mrn", "dob", "account", "service", "provider", "other_date", "other_number"):
        if kind in facts:
            pen.canvas.write(LEFT, y, f"{facts[kind].label.upper()}:", font)
            pen.canvas.write(LEFT + 620, y, facts[kind].value.upper(), font)
            y += round(font.size * 1.35)
    return y + 40


def letter(pen: FormPen, facts: Facts, y: int) -> int:
    """Write the head of a letter: its date, its receiver, and whom it is about."""
    font = pen.style.value_font
    date = facts["service"].value if "service" in facts else ""
    y = _lines(pen, LEFT, y, [date], font) + 30
    y = (
        _lines(
            pen,
            LEFT,
            y,
            [_value(facts, "provider"), _value(facts, "facility"), _value(facts, "address")],
            font,
        )
        + 30
    )
    about = [f"RE: {_value(facts, 'name')}", _labeled(facts, "dob"), _labeled(facts, "mrn")]
    if pen.style.cut == 1:
        about = ["  ".join(filter(None, about))]
    y = _lines(pen, LEFT + (0 if pen.style.cut else 200), y, about, font) + 20
    return _lines(pen, LEFT, y, [f"Dear {_value(facts, 'provider').split(',')[0]}:"], font) + 20


def insurance_card(pen: FormPen, facts: Facts, y: int) -> int:
    """Write the front of an insurance card, as copied to the top of a page."""
    rng, font, small = pen.rng, pen.style.value_font, pen.style.font(0.75)
    x, wide = LEFT + rng.choice((0, 120)), 1050
    top = y
    pen.canvas.write(x + 24, y + 16, _value(facts, "insurer").upper(), pen.style.font(1.4, bold=True))
    y += 100
    name_label = rng.choice(
        ("Member Name", "Member", "Subscriber", "Subscriber Name", "Name", "Enrollee Name", "MEMBER NAME")
    )
    rows = [
        Fact("name", name_label, _value(facts, "name")),
        *(facts[k] for k in ("member", "group", "dob") if k in facts),
    ]
    if pen.style.cut == 0:
        y = list_lines(pen, rows, x + 24, y, x + wide)
    elif pen.style.cut == 1:
        for fact in rows:
            pen.canvas.write(x + 24, y, fact.label, small)
            pen.value(x + 24, y + small.size + 6, fact.value)
            y += small.size + font.size + 22
    else:
        pen.value(x + 24, y, _value(facts, "name"))
        y = list_lines(pen, rows[1:], x + 24, y + pen.step, x + wide)
    pen.canvas.write(
        x + 560,
        top + 130,
        f"{rng.choice(('Effective', 'Eff Date', 'Coverage Effective'))}: {_value(facts, 'effective')}",
        small,
    )
    for index, text in enumerate(
        (
            f"RxBIN: {rng.randint(100_000, 999_999)}",
            f"RxPCN: {rng.choice(('ADV', 'MCAID', 'PDP'))}",
            f"Office Visit ${rng.randint(1, 9)}0",
            f"ER ${rng.randint(1, 4)}50",
        )
    ):
        pen.canvas.write(x + 560, top + 180 + index * 40, text, small)
    bottom = max(y, top + 380) + 20
    pen.canvas.frame(x, top, x + wide, bottom)
    return bottom + 60


def claim_boxes(pen: FormPen, facts: Facts, y: int) -> int:
    """Write the upper part of a professional claim form: numbered boxes with small labels and typewritten values."""
    small, font = Font("narrow", 15, cut=pen.style.cut), Font("mono", 25, cut=pen.style.cut)
    born = _value(facts, "dob_spaced")
    insured = _value(facts, "insured")
    rows = [
        [
            ("1. MEDICARE   MEDICAID   TRICARE   GROUP HEALTH PLAN   OTHER", 900, "X"),
            ("1a. INSURED'S I.D. NUMBER (For Program in Item 1)", 580, _value(facts, "member")),
        ],
        [
            ("2. PATIENT'S NAME (Last Name, First Name, Middle Initial)", 560, _value(facts, "name")),
            ("3. PATIENT'S BIRTH DATE MM DD YY   SEX", 340, f"{born}   X"),
            ("4. INSURED'S NAME (Last Name, First Name, Middle Initial)", 580, insured),
        ],
        [
            ("5. PATIENT'S ADDRESS (No., Street)", 560, _value(facts, "address")),
            ("6. PATIENT RELATIONSHIP TO INSURED", 340, "Self X  Spouse  Child"),
            ("7. INSURED'S ADDRESS (No., Street)", 580, _value(facts, "address")),
        ],
        [
            ("9. OTHER INSURED'S NAME (Last Name, First Name, Middle Initial)", 560, ""),
            ("10. IS PATIENT'S CONDITION RELATED TO:", 340, ""),
            ("11. INSURED'S POLICY GROUP OR FECA NUMBER", 580, _value(facts, "group")),
        ],
        [
            ("9a. OTHER INSURED'S POLICY OR GROUP NUMBER", 560, ""),
            ("a. EMPLOYMENT? (Current or Previous)  YES  NO", 340, "X"),
            ("11a. INSURED'S DATE OF BIRTH MM DD YY   SEX", 580, _value(facts, "insured_born")),
        ],
        [
            (
                "12. PATIENT'S OR AUTHORIZED PERSON'S SIGNATURE",
                900,
                f"SIGNED SIGNATURE ON FILE   DATE {_value(facts, 'signed')}",
            ),
            ("13. INSURED'S OR AUTHORIZED PERSON'S SIGNATURE", 580, "SIGNED SIGNATURE ON FILE"),
        ],
        [
            ("14. DATE OF CURRENT ILLNESS, INJURY, or PREGNANCY (LMP) MM DD YY", 560, _value(facts, "onset")),
            ("15. OTHER DATE MM DD YY", 340, ""),
            ("16. DATES PATIENT UNABLE TO WORK IN CURRENT OCCUPATION", 580, ""),
        ],
        [
            ("17. NAME OF REFERRING PROVIDER OR OTHER SOURCE", 560, _value(facts, "provider").upper()),
            ("17b. NPI", 340, _value(facts, "other_number")),
            ("18. HOSPITALIZATION DATES RELATED TO CURRENT SERVICES", 580, ""),
        ],
    ]
    high = 72
    pen.canvas.write(LEFT, y, "HEALTH INSURANCE CLAIM FORM", Font("sans", 34, bold=True))
    y += 70
    for row in rows:
        at = LEFT
        for label, wide, value in row:
            pen.canvas.frame(at, y, at + wide, y + high)
            pen.canvas.write(at + 5, y + 4, label, small)
            pen.canvas.write(at + 14, y + 36, value, font)
            at += wide
        y += high
    return _claim_lines(pen, facts, y + 30, small, font)


def _claim_lines(pen: FormPen, facts: Facts, y: int, small: Font, font: Font) -> int:
    """Write the lines of service of a claim form."""
    heads = (
        (LEFT, "24. A.  DATE(S) OF SERVICE"),
        (LEFT + 430, "B. PLACE OF SERVICE"),
        (LEFT + 640, "D. PROCEDURES, SERVICES, OR SUPPLIES"),
        (LEFT + 1100, "F. $ CHARGES"),
        (LEFT + 1250, "J. RENDERING PROVIDER ID #"),
    )
    for x, text in heads:
        pen.canvas.write(x + 4, y, text, small)
    pen.canvas.write(LEFT + 20, y + 22, "From                     To", small)
    pen.canvas.write(LEFT + 10, y + 42, "MM  DD  YY     MM  DD  YY", small)
    y += 66
    for _ in range(pen.rng.randint(1, 3)):
        pen.canvas.write(LEFT + 6, y, f"{_value(facts, 'service_spaced')}", font)
        pen.canvas.write(LEFT + 215, y, f"{_value(facts, 'service_spaced')}", font)
        pen.canvas.write(LEFT + 450, y, str(pen.rng.choice((11, 21, 22))), font)
        pen.canvas.write(LEFT + 640, y, str(pen.rng.randint(70_010, 99_499)), font)
        pen.canvas.write(LEFT + 1100, y, f"{pen.rng.randint(40, 900)} 00", font)
        pen.canvas.write(LEFT + 1260, y, str(pen.rng.randint(10**9, 2 * 10**9)), font)
        y += 48
    pen.canvas.write(LEFT + 5, y, "25. FEDERAL TAX I.D. NUMBER", small)
    pen.canvas.write(LEFT + 430, y, "26. PATIENT'S ACCOUNT NO.", small)
    pen.canvas.write(LEFT + 14, y + 26, str(pen.rng.randint(10**8, 10**9)), font)
    pen.canvas.write(LEFT + 440, y + 26, _value(facts, "account"), font)
    y += 80
    pen.canvas.write(LEFT + 5, y, "31. SIGNATURE OF PHYSICIAN OR SUPPLIER", small)
    pen.canvas.write(LEFT + 14, y + 30, f"{_value(facts, 'provider')}", font)
    pen.canvas.write(LEFT + 5, y + 62, f"SIGNED                    DATE {_value(facts, 'signed')}", small)
    return y + 130


def institutional_claim(pen: FormPen, facts: Facts, y: int) -> int:
    """Write the upper part of an institutional claim form."""
    small, font = Font("narrow", 15, cut=pen.style.cut), Font("mono", 25, cut=pen.style.cut)
    rows = [
        [
            ("1", 500, _value(facts, "facility")),
            ("2", 420, ""),
            ("3a PAT. CNTL #", 560, _value(facts, "account")),
        ],
        [
            ("", 500, _value(facts, "address")),
            ("5 FED. TAX NO.", 420, _value(facts, "other_number")),
            ("b. MED. REC. #", 560, _value(facts, "mrn")),
        ],
        [
            ("8 PATIENT NAME", 740, f"b {_value(facts, 'name')}"),
            ("9 PATIENT ADDRESS", 740, _value(facts, "address")),
        ],
        [
            ("10 BIRTHDATE", 300, _value(facts, "dob")),
            ("11 SEX", 120, _value(facts, "sex")),
            ("12 ADMISSION DATE", 300, _value(facts, "service")),
            ("16 DHR", 160, "11"),
            ("17 STAT", 160, "01"),
            ("6 STATEMENT COVERS PERIOD FROM", 440, _value(facts, "service")),
        ],
        [
            ("50 PAYER NAME", 600, _value(facts, "insurer")),
            ("51 HEALTH PLAN ID", 420, ""),
            ("56 NPI", 460, _value(facts, "other_number")),
        ],
        [
            ("58 INSURED'S NAME", 600, _value(facts, "insured")),
            ("60 INSURED'S UNIQUE ID", 420, _value(facts, "member")),
            ("62 INSURANCE GROUP NO.", 460, _value(facts, "group")),
        ],
    ]
    for row in rows:
        at = LEFT
        for label, wide, value in row:
            pen.canvas.frame(at, y, at + wide, y + 70)
            pen.canvas.write(at + 5, y + 4, label, small)
            pen.canvas.write(at + 14, y + 36, value, font)
            at += wide
        y += 70
    return y + 50


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
        Fact("other", "Name", _value(facts, "relative")),
        Fact("other", "Relationship", "Parent"),
        Fact("other", "Date of Birth", _value(facts, "insured_born")),
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
        x = LEFT + index * third
        if head:
            pen.canvas.write(x, y, head, pen.style.font(0.9, bold=True))
        below = list_lines(pen, block, x, y + pen.step, x + third)
        if index == 2:
            below = _lines(
                pen,
                x,
                below,
                [_value(facts, "facility"), _value(facts, "address"), _value(facts, "town")],
                pen.style.font(0.85),
            )
        bottom = max(bottom, below)
    return bottom + 30


def specimen_label(pen: FormPen, facts: Facts, y: int) -> int:
    """Write two printed stickers of the same patient, as on a requisition."""
    font = Font("narrow", 23, cut=pen.style.cut)
    for x in (LEFT, LEFT + 760):
        lines = [
            _value(facts, "name"),
            f"{_labeled(facts, 'dob')} {_value(facts, 'sex')}",
            f"{_labeled(facts, 'mrn')}",
            f"{_value(facts, 'accession')}",
        ]
        if pen.style.cut == 2:
            lines.insert(0, _value(facts, "facility"))
        bottom = _lines(pen, x + 12, y + 10, lines, font)
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
    _lines(
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
                Fact("other", "Name", _value(facts, "provider")),
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
            _value(facts, "service"),
            ("Office visit", "Laboratory", "Imaging", "Supplies")[number],
            f"${pen.rng.randint(20, 900)}.00",
            "$0.00",
        )
        for x, text in zip(columns, row, strict=True):
            pen.canvas.write(x, y, text, pen.style.font(0.9))
    return y + 90


def _label_of(facts: Facts, kind: str) -> str:
    return facts[kind].label if kind in facts else "Item"


STRUCTURES: dict[str, Structure] = {
    "addressograph_plain": addressograph_plain,
    "addressograph_labeled": addressograph_labeled,
    "wristband": wristband,
    "emr_banner": emr_banner,
    "page_footer": page_footer,
    "dictation_header": dictation_header,
    "letter": letter,
    "insurance_card": insurance_card,
    "claim_boxes": claim_boxes,
    "institutional_claim": institutional_claim,
    "history_columns": history_columns,
    "laboratory_head": laboratory_head,
    "specimen_label": specimen_label,
    "sidebar": sidebar,
    "split_name": split_name,
    "prior_authorization": prior_authorization,
    "billing_statement": billing_statement,
}
"""How whole pages name their patient, by name."""

assert RIGHT < WIDTH
