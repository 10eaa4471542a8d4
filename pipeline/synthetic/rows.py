"""Tables of made-up results, medicines, vaccines, charges: (columns, rows) drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import date, timedelta

from pipeline.synthetic.grammar import expand
from pipeline.synthetic.page_blocks import Table

LABS = (
    ("WBC", 4.0, 11.0, "K/uL"),
    ("RBC", 4.0, 5.9, "M/uL"),
    ("Hemoglobin", 12.0, 17.0, "g/dL"),
    ("Hematocrit", 36, 50, "%"),
    ("MCV", 80, 100, "fL"),
    ("Platelets", 150, 400, "K/uL"),
    ("Neutrophils", 40, 74, "%"),
    ("Lymphocytes", 14, 46, "%"),
    ("Sodium", 135, 145, "mmol/L"),
    ("Potassium", 3.5, 5.1, "mmol/L"),
    ("Chloride", 98, 107, "mmol/L"),
    ("CO2", 22, 30, "mmol/L"),
    ("Glucose", 70, 99, "mg/dL"),
    ("BUN", 7, 25, "mg/dL"),
    ("Creatinine", 0.6, 1.3, "mg/dL"),
    ("Calcium", 8.6, 10.3, "mg/dL"),
    ("Total Protein", 6.0, 8.3, "g/dL"),
    ("Albumin", 3.5, 5.5, "g/dL"),
    ("Bilirubin, Total", 0.2, 1.2, "mg/dL"),
    ("AST", 10, 40, "U/L"),
    ("ALT", 7, 56, "U/L"),
    ("Alkaline Phosphatase", 44, 147, "U/L"),
    ("Cholesterol", 125, 200, "mg/dL"),
    ("HDL", 40, 90, "mg/dL"),
    ("LDL, calculated", 50, 130, "mg/dL"),
    ("Triglycerides", 40, 150, "mg/dL"),
    ("TSH", 0.4, 4.5, "uIU/mL"),
    ("Free T4", 0.8, 1.8, "ng/dL"),
    ("Hemoglobin A1c", 4.0, 5.6, "%"),
    ("PSA", 0.0, 4.0, "ng/mL"),
    ("INR", 0.8, 1.2, ""),
    ("PT", 11.0, 13.5, "sec"),
    ("Ferritin", 20, 300, "ng/mL"),
    ("Vitamin B12", 200, 900, "pg/mL"),
    ("Specific Gravity", 1.005, 1.030, ""),
    ("pH, urine", 5.0, 8.0, ""),
    ("Uric Acid", 2.5, 7.5, "mg/dL"),
    ("Troponin I", 0.0, 0.04, "ng/mL"),
    ("BNP", 0, 100, "pg/mL"),
    ("Magnesium", 1.7, 2.4, "mg/dL"),
    ("Lipase", 10, 140, "U/L"),
    ("ESR", 0, 20, "mm/hr"),
)
LAB_COLUMNS = (
    ("Test", "Result", "Flag", "Units", "Reference Range"),
    ("TEST NAME", "RESULT", "ABN", "REF RANGE", "UNITS"),
    ("Component", "Your value", "Units", "Standard range", "Flag"),
    ("Analyte", "Value", "Flag", "Ref. interval", "Unit"),
)


def make_table(rng: random.Random, kind: str, facts: Mapping[str, str]) -> Table:
    """Return a table of a kind (a name used in phrases/types_*.toml)."""
    return MAKERS[kind](rng, facts)


def _labs(rng: random.Random, _: Mapping[str, str]) -> Table:
    heads = rng.choice(LAB_COLUMNS)
    first = rng.randrange(len(LABS) - 6)
    rows = []
    for name, low, high, unit in LABS[first : first + rng.randint(5, 16)]:
        places = 3 if high < 1 or low == 1.005 else 1 if isinstance(high, float) else 0
        value = rng.triangular(low * 0.7, high * 1.35, (low + high) / 2)
        flag = "H" if value > high else "L" if value < low else ""
        cells = {
            "Result": f"{value:.{places}f}",
            "Flag": flag,
            "Units": unit,
            "Range": f"{low:.{places}f} - {high:.{places}f}",
        }
        rows.append((name, *(cells[_lab_column(h)] for h in heads[1:])))
    return Table(heads, tuple(rows))


def _lab_column(head: str) -> str:
    word = head.lower()
    if "ref" in word or "range" in word:
        return "Range"
    if "unit" in word:
        return "Units"
    return "Flag" if word in ("flag", "abn") else "Result"


def _medications(rng: random.Random, facts: Mapping[str, str]) -> Table:
    heads = rng.choice(
        (
            ("Medication", "Dose", "Route", "Frequency", "Last taken"),
            ("Drug name", "Strength", "Directions", "Reason", "Continue?"),
            ("MEDICATION", "DOSE", "ROUTE", "FREQ", "PRESCRIBER"),
            ("Medicine", "How much", "How often", "What for", "Started"),
        )
    )
    last: Callable[[], str] = {
        "Last taken": lambda: _day(rng, 3),
        "Continue?": lambda: rng.choice(("Y", "N", "Yes", "Hold")),
        "PRESCRIBER": lambda: expand(rng, "[doctor_last]", facts),
        "Started": lambda: _day(rng, 900),
    }[heads[4]]
    third = "[often]" if heads[2] in ("Directions", "How often") else "[route]"
    fourth = "[problem]" if heads[3] in ("Reason", "What for") else "[often]"
    rows = [
        (*tuple(expand(rng, t, facts) for t in ("[drug]", "[dose]", third, fourth)), last())
        for _ in range(rng.randint(3, 13))
    ]
    return Table(heads, tuple(rows))


def _vaccines(rng: random.Random, facts: Mapping[str, str]) -> Table:
    heads = rng.choice(
        (
            ("Vaccine", "Date given", "Lot #", "Mfr", "Site", "Given by"),
            ("Immunization", "Dose 1", "Dose 2", "Dose 3", "Booster"),
            ("VACCINE", "DATE", "LOT", "EXP", "SITE", "VIS date"),
        )
    )
    rows = []
    for _ in range(rng.randint(4, 12)):
        name = expand(rng, "[vaccine]", facts)
        if heads[1] == "Dose 1":
            doses = rng.randint(1, 4)
            rows.append((name, *(_day(rng, 6000) if i < doses else "" for i in range(4))))
        else:
            lot = f"{rng.choice('ABCUKP')}{rng.randint(100, 9999)}{rng.choice('ABMX')}"
            third = _day(rng, -700) if heads[3] == "EXP" else expand(rng, "[maker]", facts)
            rows.append(
                (
                    name,
                    _day(rng, 6000),
                    lot,
                    third,
                    expand(rng, "[arm]", facts),
                    expand(rng, "[letter_][letter_]", facts),
                )
            )
    return Table(heads, tuple(rows))


def _vitals(rng: random.Random, facts: Mapping[str, str]) -> Table:
    rows = [
        tuple(
            expand(rng, t, facts)
            for t in (
                f"{h:02d}00",
                "<96.8-102.4>",
                "<56-120>",
                "<12-26>",
                "<92-178>/<50-98>",
                "<89-100>",
                "<0-9>",
            )
        )
        for h in range(rng.choice((0, 4, 7)), 24, rng.choice((2, 4)))
    ]
    return Table(("Time", "Temp", "Pulse", "Resp", "BP", "SpO2", "Pain"), tuple(rows))


def _shift(rng: random.Random, facts: Mapping[str, str]) -> Table:
    heads = rng.choice(
        (
            ("Time", "Notes", "Initials"),
            ("DATE/TIME", "NURSING OBSERVATIONS", "SIGN"),
            ("Time", "Focus", "Remarks"),
        )
    )
    hours = sorted(rng.sample(range(24), rng.randint(4, 9)))
    rows = []
    for hour in hours:
        note, mark = expand(rng, "[shift_note]", facts), expand(rng, "[letter_][letter_]", facts)
        focus = rng.choice(("Pain", "Safety", "Resp", "GI", "Skin", "Comfort"))
        time = f"{hour:02d}{rng.choice(('00', '15', '30', '45'))}"
        rows.append((time, focus, note) if heads[1] == "Focus" else (time, note, mark))
    return Table(heads, tuple(rows))


def _orders(rng: random.Random, facts: Mapping[str, str]) -> Table:
    rows = [
        (
            facts["date"],
            f"{rng.randint(0, 23):02d}{rng.randint(0, 59):02d}",
            expand(rng, "[order_line]", facts),
            expand(rng, "[letter_][letter_]", facts),
        )
        for _ in range(rng.randint(4, 10))
    ]
    return Table(("Date", "Time", "Orders", "Noted"), tuple(rows))


def _anesthesia(rng: random.Random, facts: Mapping[str, str]) -> Table:
    names = ("Time", "BP", "HR", "SpO2", "ETCO2", "Agent %", "Temp")
    rows = []
    for step in range(rng.randint(5, 12)):
        minutes = 450 + 15 * step
        cells = ("<86-150>/<48-90>", "<50-110>", "<95-100>", "<28-42>", "<0.8-2.4>", "<35.2-37.2>")
        rows.append((f"{minutes // 60:02d}:{minutes % 60:02d}", *(expand(rng, c, facts) for c in cells)))
    return Table(names, tuple(rows))


def _measurements(rng: random.Random, facts: Mapping[str, str]) -> Table:
    pool = (
        ("LV end diastolic", "<3.6-6.2> cm", "3.5 - 5.7"),
        ("LV end systolic", "<2.1-4.6> cm", "2.1 - 4.0"),
        ("Septum", "<0.7-1.5> cm", "0.6 - 1.1"),
        ("Left atrium", "<2.8-5.1> cm", "1.9 - 4.0"),
        ("Aortic root", "<2.4-4.1> cm", "2.0 - 3.7"),
        ("Ejection fraction", "<30-70> %", "> 55"),
        ("Heart rate", "<52-110> bpm", "60 - 100"),
        ("PR interval", "<120-220> ms", "120 - 200"),
        ("QTc", "<380-480> ms", "< 440"),
        ("FVC", "<1.9-5.2> L", "> 80 %"),
        ("FEV1", "<1.1-4.3> L", "> 80 %"),
        ("Median distal latency", "<3.1-6.2> ms", "< 4.2"),
    )
    first = rng.randrange(6)
    rows = [tuple(expand(rng, c, facts) for c in row) for row in pool[first : first + rng.randint(3, 6)]]
    return Table(("Measurement", "Value", "Normal"), tuple(rows))


def _charges(rng: random.Random, facts: Mapping[str, str]) -> Table:
    heads = (
        "24. A. DATE(S) OF SERVICE",
        "B. PLACE",
        "D. CPT/HCPCS",
        "E. DIAGNOSIS POINTER",
        "F. $ CHARGES",
        "G. UNITS",
        "J. PROVIDER NPI",
    )
    rows = [
        tuple(
            expand(rng, c, facts)
            for c in (
                facts["date"],
                "(11|21|22|23)",
                "<70010-99499>",
                "A",
                "<45-1900>.00",
                "1",
                "1<100000000-999999999>",
            )
        )
        for _ in range(rng.randint(1, 6))
    ]
    return Table(heads, tuple(rows))


def _benefits(rng: random.Random, facts: Mapping[str, str]) -> Table:
    heads = rng.choice(
        (
            ("Service", "Billed", "Allowed", "Plan paid", "You owe"),
            ("Benefit", "In network", "Out of network", "Limit", "Remaining"),
        )
    )
    kinds = (
        "Office visit",
        "Specialist visit",
        "Emergency room",
        "Imaging",
        "Laboratory",
        "Inpatient stay",
        "Physical therapy",
        "Durable equipment",
    )
    rows = [
        (k, *(expand(rng, "$<10-900>.00", facts) for _ in range(4)))
        for k in rng.sample(kinds, rng.randint(2, 6))
    ]
    return Table(heads, tuple(rows))


def _supplies(rng: random.Random, facts: Mapping[str, str]) -> Table:
    items = (
        "Copy paper, case",
        "Toner",
        "Light bulbs",
        "Coffee filters",
        "Mop heads",
        "Staples",
        "Chairs, stacking",
        "Batteries AA",
        "Labels",
        "Trash liners",
    )
    rows = [
        (expand(rng, "<1000-9999>", facts), i, str(rng.randint(1, 40)))
        for i in rng.sample(items, rng.randint(3, 8))
    ]
    return Table(("Item no.", "Description", "Qty"), tuple(rows))


def _day(rng: random.Random, back: int) -> str:
    day = date(2024, 6, 1) - timedelta(days=rng.randint(min(0, back), max(0, back)))
    return day.strftime(rng.choice(("%m/%d/%Y", "%m/%d/%y", "%m-%d-%Y")))


MAKERS: dict[str, Callable[[random.Random, Mapping[str, str]], Table]] = {
    "labs": _labs,
    "labs2": _labs,
    "medications": _medications,
    "vaccines": _vaccines,
    "vitals": _vitals,
    "shift": _shift,
    "orders": _orders,
    "anesthesia": _anesthesia,
    "measurements": _measurements,
    "charges": _charges,
    "benefits": _benefits,
    "supplies": _supplies,
}
