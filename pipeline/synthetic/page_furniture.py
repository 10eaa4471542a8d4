"""Everything around the body text: letterhead, title, patient identity, running heads and page numbers."""

from __future__ import annotations

import random
from collections.abc import Callable

from pipeline.synthetic.compose import SyntheticDocument
from pipeline.synthetic.page import HEIGHT, WIDTH, Font, PageCanvas
from pipeline.synthetic.style import Style

STREET = ("Harbor Road", "Mill Avenue", "University Drive", "Third Street", "Medical Center Parkway")


def letterhead(rng: random.Random, sheet: PageCanvas, style: Style, sample: SyntheticDocument, y: int) -> int:
    """Write the facility's name and address, and return the y below them."""
    if style.head == "none":
        return y
    name = sample.facility.upper() if rng.random() < 0.5 else sample.facility
    facts = sample.facts
    street = f"{rng.randint(10, 9900)} {rng.choice(STREET)}"
    town = f"{street}, {facts['city']}, {facts['state']} {facts['zip']}"
    phone = f"({rng.randint(201, 989)}) 555-01{rng.randint(10, 99)}"
    big, small = style.font(1.35, bold=True), style.font(0.78)
    lines = [(name, big), (town, small), (f"Phone {phone}   Fax {phone[:-1]}{rng.randint(0, 9)}", small)]
    left, right = style.margin, WIDTH - style.margin
    if style.head == "band":
        sheet.fill(left, y, right, y + big.size + 24)
        sheet.write(left + 16, y + 8, name, big, white=True)
        return y + big.size + 44
    if style.head in ("boxed", "logo"):
        x = left + (170 if style.head == "logo" else 20)
        bottom = _lines(sheet, lines, y + 14, lambda _: x)
        if style.head == "logo":
            sheet.frame(left, y + 8, left + 130, bottom, 6)
            sheet.write(
                left + 30,
                y + 20,
                "".join(w[0] for w in sample.facility.split()[:2]),
                style.font(1.8, bold=True),
            )
        else:
            sheet.frame(left, y, right, bottom + 10)
        return bottom + 30
    if style.head == "right_block":
        return _lines(sheet, lines, y, lambda text_font: right - text_font[1].width(text_font[0])) + 20
    if style.head == "small_print":
        return _lines(sheet, [(f"{name} | {town}", small)], y, lambda _: left) + 14
    if style.head == "mono_lines":
        mono = Font("mono", style.size, cut=style.cut)
        bottom = _lines(sheet, [(name, mono), (town, mono), ("-" * 60, mono)], y, lambda _: left)
        return bottom + 10
    if style.head == "left_rule":
        bottom = _lines(sheet, lines, y, lambda _: left)
        sheet.line(left, bottom + 6, right, bottom + 6, 4)
        return bottom + 26
    bottom = _lines(sheet, lines, y, lambda text_font: (WIDTH - text_font[1].width(text_font[0])) // 2)
    if style.head == "county":
        sheet.line(left, bottom + 4, right, bottom + 4, 2)
        sheet.line(left, bottom + 12, right, bottom + 12, 2)
    return bottom + 30


def title(sheet: PageCanvas, style: Style, text: str, y: int) -> int:
    """Write the document's title, smaller if it is too long for its line; return the y below it."""
    if not text:
        return y
    scale, left, right = 1.3, style.margin, WIDTH - style.margin
    shown = " ".join(text) if style.title == "spaced" and len(text) < 16 else text
    while style.font(scale, bold=True).width(shown) > right - left - 30 and scale > 0.6:
        scale -= 0.1
    font = style.font(scale, bold=True)
    wide = font.width(shown)
    x = {"left": left, "underlined": left, "right": right - wide}.get(style.title, (WIDTH - wide) // 2)
    bottom = y + font.size + 8
    if style.title == "inverse":
        sheet.fill(left, y - 6, right, bottom + 8)
    sheet.write(x, y, shown, font, white=style.title == "inverse")
    if style.title == "underlined":
        sheet.line(x, bottom + 2, x + wide, bottom + 2, 3)
    if style.title == "boxed":
        sheet.frame(x - 24, y - 10, x + wide + 24, bottom + 10, 3)
    return bottom + 30


def identity_pairs(rng: random.Random, style: Style, sample: SyntheticDocument) -> list[tuple[str, str]]:
    """Return the labeled facts of the identity block: the name first, then the others in random order."""
    name, born, number = style.labels
    printed, facts = sample.printed, sample.facts
    pairs = [(born, printed["dob"]), (number, printed["mrn"])]
    extra = [
        ("Sex", facts["sex"]),
        ("Age", facts["age"]),
        ("Acct", facts["account"]),
        ("Physician", facts["author"]),
        ("Visit Date", facts["date"]),
    ]
    pairs += [(label, value) for label, value in rng.sample(extra, rng.randint(0, 3)) if value]
    rng.shuffle(pairs)
    return [(label, value) for label, value in [(name, printed["name"]), *pairs] if value]


def identity(rng: random.Random, sheet: PageCanvas, style: Style, sample: SyntheticDocument, y: int) -> int:
    """Write the patient's identity in the given style, and return the y below it."""
    pairs = identity_pairs(rng, style, sample)
    if style.identity in ("none", "footer") or not pairs:
        return y
    left, right = style.margin, WIDTH - style.margin
    font, bold, step = style.font(), style.font(bold=True), round(style.size * 1.4)
    labeled = [(f"{label}{style.label_end}", value) for label, value in pairs]
    match style.identity:
        case "columns":
            half = (right - left) // 2
            for i, (label, value) in enumerate(labeled):
                end = sheet.write(left + (i % 2) * half, y + (i // 2) * step, label, bold)
                sheet.write(end + 14, y + (i // 2) * step, value, font)
            return y + ((len(labeled) + 1) // 2) * step + 20
        case "grid":
            return _grid(sheet, style, pairs, y)
        case "band" | "line":
            return band(sheet, style, labeled, y)
        case "addressograph" | "corner":
            card = Font("mono", 26, cut=style.cut) if style.identity == "addressograph" else font
            x = right - 620
            lines = (
                [v for _, v in pairs]
                if style.identity == "addressograph"
                else [f"{a} {b}" for a, b in labeled]
            )
            bottom = _lines(sheet, [(t, card) for t in lines], y + 12, lambda _: x + 16)
            sheet.frame(x, y, right, bottom + 8)
            return bottom + 30
        case "memo" | "stacked" | "table":
            wide = max(bold.width(label) for label, _ in labeled) + 30
            for i, (label, value) in enumerate(labeled):
                sheet.write(left, y + i * step, label.upper() if style.identity == "memo" else label, bold)
                sheet.write(left + wide, y + i * step, value, font)
                if style.identity == "table":
                    sheet.line(left, y + (i + 1) * step - 6, right, y + (i + 1) * step - 6, 1)
            return y + len(labeled) * step + 20
        case "dots":
            for i, (label, value) in enumerate(pairs):
                dots = "." * max(3, 24 - len(label))
                sheet.write(left, y + i * step, f"{label} {dots} {value}", font)
            return y + len(pairs) * step + 20
    sheet.write(
        left, y, "RE: " + "   ".join(f"{a} {b}" if i else b for i, (a, b) in enumerate(labeled[:3])), font
    )
    return y + step + 20


def band(sheet: PageCanvas, style: Style, labeled: list[tuple[str, str]], y: int) -> int:
    """Write label and value pairs one after another between two rules, and return the y below them."""
    font, x, left, right = style.font(0.9), style.margin, style.margin, WIDTH - style.margin
    step = round(font.size * 1.4)
    sheet.line(left, y, right, y)
    y += 10
    for label, value in labeled:
        text = f"{label} {value}"
        if x + font.width(text) > right and x > left:
            x, y = left, y + step
        x = sheet.write(x, y, text, font) + 36
    sheet.line(left, y + step, right, y + step)
    return y + step + 22


def running_head(
    rng: random.Random, sheet: PageCanvas, style: Style, sample: SyntheticDocument, number: int, y: int
) -> int:
    """Write the head of a page after the first, and return the y below it."""
    name, born, record = (sample.printed[k] for k in ("name", "dob", "mrn"))
    font, left = style.font(0.9), style.margin
    match style.running:
        case "same" if style.identity not in ("none", "footer"):
            return identity(rng, sheet, style, sample, letterhead(rng, sheet, style, sample, y))
        case "name_line" if name:
            sheet.write(left, y, f"{name}   Page {number}", font)
        case "name_mrn" if name:
            sheet.write(left, y, f"{style.labels[0]}: {name}    {style.labels[2]}: {record}", font)
        case "title_only" if sample.title:
            sheet.write(left, y, sample.title, font)
        case "continued" if sample.title:
            sheet.write(left, y, f"{sample.title} (continued)", font)
            if name:
                sheet.write(left, y + font.size + 8, f"RE: {name}", font)
        case "band" if name and born and record:
            return band(
                sheet,
                style,
                list(zip((f"{label}:" for label in style.labels), (name, born, record), strict=True)),
                y,
            )
        case _:
            return y
    return y + 2 * font.size + 30


def page_feet(rng: random.Random, sheets: list[PageCanvas], style: Style, sample: SyntheticDocument) -> None:
    """Write page numbers, form numbers, print lines and identities at the foot of all pages."""
    font, left, right, bottom = style.font(0.75), style.margin, WIDTH - style.margin, HEIGHT - 110
    for number, sheet in enumerate(sheets, 1):
        shown = {
            "page_of": f"Page {number} of {len(sheets)}",
            "page": f"Page {number}",
            "slash": f"{number}/{len(sheets)}",
            "dash": f"- {number} -",
            "top_of": f"Page {number} of {len(sheets)}",
            "top": f"Page: {number}",
        }.get(style.numbers)
        if shown:
            top = style.numbers.startswith("top")
            x = right - font.width(shown) if top or rng.random() < 0.3 else (WIDTH - font.width(shown)) // 2
            sheet.write(x, 50 if top else bottom, shown, font)
        if style.form_number:
            sheet.write(left, bottom + 30, style.form_number, font)
        if style.print_line:
            at, user = f"{number + 7}:{10 + number}", len(sample.title) + 20
            sheet.write(left, bottom, f"Printed {sample.facts['printed']} {at} by user {user}", font)
        if style.identity == "footer" and sample.printed["name"]:
            name, born, record = (sample.printed[k] or "" for k in ("name", "dob", "mrn"))
            sheet.frame(left, bottom - 80, right, bottom - 20)
            text = f"{style.labels[0]}: {name}   {style.labels[1]}: {born}   {style.labels[2]}: {record}"
            sheet.write(left + 12, bottom - 66, text, style.font(0.85))


def _grid(sheet: PageCanvas, style: Style, pairs: list[tuple[str, str]], y: int) -> int:
    """Write boxes in rows of three, with a small label above each value."""
    small, font = style.font(0.6), style.font(0.95)
    left, right = style.margin, WIDTH - style.margin
    wide, high = (right - left) // 3, small.size + font.size + 26
    for i, (label, value) in enumerate(pairs):
        x, top = left + (i % 3) * wide, y + (i // 3) * high
        sheet.frame(x, top, x + wide, top + high)
        sheet.write(x + 8, top + 6, label, small)
        sheet.write(x + 10, top + small.size + 12, value, font)
    return y + ((len(pairs) + 2) // 3) * high + 24


def _lines(
    sheet: PageCanvas, lines: list[tuple[str, Font]], y: int, where: Callable[[tuple[str, Font]], int]
) -> int:
    for text, font in lines:
        sheet.write(where((text, font)), y, text, font)
        y += round(font.size * 1.3)
    return y
