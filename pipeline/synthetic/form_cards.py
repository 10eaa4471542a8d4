"""Print cards, stickers, banners and headers: what stands at the top or the foot of a page to name its
patient.
"""

from __future__ import annotations

from pipeline.synthetic.form_blocks import Fact, FormPen, list_lines
from pipeline.synthetic.form_parts import LEFT, RIGHT, Facts, labeled, typewriter, value_of, write_lines
from pipeline.synthetic.page import HEIGHT, Font


def addressograph_plain(pen: FormPen, facts: Facts, y: int) -> int:
    """Write a stamped card without labels in the upper right corner, next to the form's title."""
    rng, font = pen.rng, typewriter(pen)
    x = rng.choice((LEFT + 10, 900, 1000))
    name, born, number = (value_of(facts, kind) for kind in ("name", "dob", "mrn"))
    sex_age = f"{value_of(facts, 'sex')} {value_of(facts, 'age')}".strip()
    orders = (
        [name, f"{number}   {born}", sex_age, value_of(facts, "provider")],
        [number, name, born, sex_age],
        [f"{number}  {value_of(facts, 'account')}", name, f"{born}  {sex_age}", value_of(facts, "provider")],
        [name, born, number],
    )
    pen.canvas.write(1100 if x < 500 else LEFT, y, value_of(facts, "title"), pen.style.font(1.2, bold=True))
    return write_lines(pen, x, y, orders[pen.style.cut % len(orders)], font) + 60


def addressograph_labeled(pen: FormPen, facts: Facts, y: int) -> int:
    """Write a printed sticker: the name without a label, the numbers with short ones."""
    font, small = typewriter(pen), Font("narrow", 22, cut=pen.style.cut)
    x = pen.rng.choice((LEFT, 880))
    name = value_of(facts, "name")
    lines = [
        name,
        f"{labeled(facts, 'mrn')}  {labeled(facts, 'sex')}",
        f"{labeled(facts, 'dob')}  {labeled(facts, 'age')}",
    ]
    if pen.style.cut == 1:
        lines = [lines[1], name, lines[2]]
    if "service" in facts:
        lines.append(labeled(facts, "service"))
    if "provider" in facts:
        lines.append(value_of(facts, "provider"))
    bottom = write_lines(pen, x + 14, y + 12, lines, font if pen.style.cut else small)
    pen.canvas.frame(x, y, x + 690, bottom + 8)
    return bottom + 50


def wristband(pen: FormPen, facts: Facts, y: int) -> int:
    """Write a strip as a wristband printer does: large name, then numbers in few words."""
    big, small = pen.style.font(1.3, bold=True), pen.style.font(0.85)
    end = pen.canvas.write(LEFT, y, value_of(facts, "name"), big)
    pen.canvas.write(max(end + 60, 900), y + 6, labeled(facts, "mrn", pen.style.end), small)
    y += round(big.size * 1.4)
    sex_age = f"{value_of(facts, 'age')} {value_of(facts, 'sex')}"
    account = labeled(facts, "account", pen.style.end)
    text = f"{labeled(facts, 'dob', pen.style.end)}   {sex_age}   {account}"
    pen.canvas.write(LEFT, y, text, small)
    pen.canvas.write(1150, y, value_of(facts, "provider"), small)
    return y + 60


def emr_banner(pen: FormPen, facts: Facts, y: int) -> int:
    """Write the banner that an EMR prints above every page."""
    font = pen.style.font(0.9)
    name, age, sex = (value_of(facts, kind) for kind in ("name", "age", "sex"))
    dob, mrn = (labeled(facts, kind, pen.style.end) for kind in ("dob", "mrn"))
    forms = (
        f"{name}  {dob} ({age} y) {sex}  {mrn}",
        f"{name} ({mrn})  {dob} ({age} yrs)  {sex}",
        f"{mrn}   {name}   {age} yo {sex}   {dob}",
        f"{name}, {age} y.o. {sex}    {dob}    {mrn}",
    )
    pen.canvas.write(LEFT, y, forms[pen.style.cut % len(forms)], font)
    y += round(font.size * 1.4)
    rest = "   ".join(
        filter(None, (labeled(facts, "service"), labeled(facts, "provider"), labeled(facts, "account")))
    )
    pen.canvas.write(LEFT, y, rest, font)
    return y + round(font.size * 1.8)


def page_footer(pen: FormPen, facts: Facts, y: int) -> int:
    """Write the patient's facts only at the foot of the page."""
    bottom = HEIGHT - 150
    pen.canvas.line(LEFT, bottom - 10, RIGHT, bottom - 10)
    kinds = ("name", "dob", "mrn", "account")
    text = "   ".join(
        labeled(facts, kind, pen.style.end) if kind != "name" or pen.style.cut else value_of(facts, kind)
        for kind in kinds
        if kind in facts
    )
    pen.canvas.write(LEFT, bottom, text, pen.style.font(0.85))
    pen.canvas.write(LEFT, y, value_of(facts, "title"), pen.style.font(1.3, bold=True))
    if "service" in facts:
        list_lines(pen, [facts["service"]], LEFT, y + 60, RIGHT)
    return y + 120


def dictation_header(pen: FormPen, facts: Facts, y: int) -> int:
    """Write the header of a transcription service, in capitals, with its many dates."""
    font = typewriter(pen)
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
    y = write_lines(pen, LEFT, y, [date], font) + 30
    y = (
        write_lines(
            pen,
            LEFT,
            y,
            [value_of(facts, "provider"), value_of(facts, "facility"), value_of(facts, "address")],
            font,
        )
        + 30
    )
    about = [f"RE: {value_of(facts, 'name')}", labeled(facts, "dob"), labeled(facts, "mrn")]
    if pen.style.cut == 1:
        about = ["  ".join(filter(None, about))]
    y = write_lines(pen, LEFT + (0 if pen.style.cut else 200), y, about, font) + 20
    return write_lines(pen, LEFT, y, [f"Dear {value_of(facts, 'provider').split(',')[0]}:"], font) + 20


def insurance_card(pen: FormPen, facts: Facts, y: int) -> int:
    """Write the front of an insurance card, as copied to the top of a page."""
    rng, font, small = pen.rng, pen.style.value_font, pen.style.font(0.75)
    x, wide = LEFT + rng.choice((0, 120)), 1050
    top = y
    pen.canvas.write(x + 24, y + 16, value_of(facts, "insurer").upper(), pen.style.font(1.4, bold=True))
    y += 100
    name_label = rng.choice(
        ("Member Name", "Member", "Subscriber", "Subscriber Name", "Name", "Enrollee Name", "MEMBER NAME")
    )
    rows = [
        Fact("name", name_label, value_of(facts, "name")),
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
        pen.value(x + 24, y, value_of(facts, "name"))
        y = list_lines(pen, rows[1:], x + 24, y + pen.step, x + wide)
    pen.canvas.write(
        x + 560,
        top + 130,
        f"{rng.choice(('Effective', 'Eff Date', 'Coverage Effective'))}: {value_of(facts, 'effective')}",
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
