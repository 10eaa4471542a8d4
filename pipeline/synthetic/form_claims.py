"""Print the claim forms of professionals and of institutions: numbered boxes with small labels, typewritten
values, and lines of service.
"""

from __future__ import annotations

from pipeline.synthetic.form_blocks import FormPen
from pipeline.synthetic.form_parts import LEFT, Facts, value_of
from pipeline.synthetic.page import Font


def claim_boxes(pen: FormPen, facts: Facts, y: int) -> int:
    """Write the upper part of a professional claim form: numbered boxes with small labels and typewritten
    values.
    """
    small, font = Font("narrow", 15, cut=pen.style.cut), Font("mono", 25, cut=pen.style.cut)
    born = value_of(facts, "dob_spaced")
    insured = value_of(facts, "insured")
    rows = [
        [
            ("1. MEDICARE   MEDICAID   TRICARE   GROUP HEALTH PLAN   OTHER", 900, "X"),
            ("1a. INSURED'S I.D. NUMBER (For Program in Item 1)", 580, value_of(facts, "member")),
        ],
        [
            ("2. PATIENT'S NAME (Last Name, First Name, Middle Initial)", 560, value_of(facts, "name")),
            ("3. PATIENT'S BIRTH DATE MM DD YY   SEX", 340, f"{born}   X"),
            ("4. INSURED'S NAME (Last Name, First Name, Middle Initial)", 580, insured),
        ],
        [
            ("5. PATIENT'S ADDRESS (No., Street)", 560, value_of(facts, "address")),
            ("6. PATIENT RELATIONSHIP TO INSURED", 340, "Self X  Spouse  Child"),
            ("7. INSURED'S ADDRESS (No., Street)", 580, value_of(facts, "address")),
        ],
        [
            ("9. OTHER INSURED'S NAME (Last Name, First Name, Middle Initial)", 560, ""),
            ("10. IS PATIENT'S CONDITION RELATED TO:", 340, ""),
            ("11. INSURED'S POLICY GROUP OR FECA NUMBER", 580, value_of(facts, "group")),
        ],
        [
            ("9a. OTHER INSURED'S POLICY OR GROUP NUMBER", 560, ""),
            ("a. EMPLOYMENT? (Current or Previous)  YES  NO", 340, "X"),
            ("11a. INSURED'S DATE OF BIRTH MM DD YY   SEX", 580, value_of(facts, "insured_born")),
        ],
        [
            (
                "12. PATIENT'S OR AUTHORIZED PERSON'S SIGNATURE",
                900,
                f"SIGNED SIGNATURE ON FILE   DATE {value_of(facts, 'signed')}",
            ),
            ("13. INSURED'S OR AUTHORIZED PERSON'S SIGNATURE", 580, "SIGNED SIGNATURE ON FILE"),
        ],
        [
            (
                "14. DATE OF CURRENT ILLNESS, INJURY, or PREGNANCY (LMP) MM DD YY",
                560,
                value_of(facts, "onset"),
            ),
            ("15. OTHER DATE MM DD YY", 340, ""),
            ("16. DATES PATIENT UNABLE TO WORK IN CURRENT OCCUPATION", 580, ""),
        ],
        [
            ("17. NAME OF REFERRING PROVIDER OR OTHER SOURCE", 560, value_of(facts, "provider").upper()),
            ("17b. NPI", 340, value_of(facts, "other_number")),
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
        pen.canvas.write(LEFT + 6, y, f"{value_of(facts, 'service_spaced')}", font)
        pen.canvas.write(LEFT + 215, y, f"{value_of(facts, 'service_spaced')}", font)
        pen.canvas.write(LEFT + 450, y, str(pen.rng.choice((11, 21, 22))), font)
        pen.canvas.write(LEFT + 640, y, str(pen.rng.randint(70_010, 99_499)), font)
        pen.canvas.write(LEFT + 1100, y, f"{pen.rng.randint(40, 900)} 00", font)
        pen.canvas.write(LEFT + 1260, y, str(pen.rng.randint(10**9, 2 * 10**9)), font)
        y += 48
    pen.canvas.write(LEFT + 5, y, "25. FEDERAL TAX I.D. NUMBER", small)
    pen.canvas.write(LEFT + 430, y, "26. PATIENT'S ACCOUNT NO.", small)
    pen.canvas.write(LEFT + 14, y + 26, str(pen.rng.randint(10**8, 10**9)), font)
    pen.canvas.write(LEFT + 440, y + 26, value_of(facts, "account"), font)
    y += 80
    pen.canvas.write(LEFT + 5, y, "31. SIGNATURE OF PHYSICIAN OR SUPPLIER", small)
    pen.canvas.write(LEFT + 14, y + 30, f"{value_of(facts, 'provider')}", font)
    pen.canvas.write(LEFT + 5, y + 62, f"SIGNED                    DATE {value_of(facts, 'signed')}", small)
    return y + 130


def institutional_claim(pen: FormPen, facts: Facts, y: int) -> int:
    """Write the upper part of an institutional claim form."""
    small, font = Font("narrow", 15, cut=pen.style.cut), Font("mono", 25, cut=pen.style.cut)
    rows = [
        [
            ("1", 500, value_of(facts, "facility")),
            ("2", 420, ""),
            ("3a PAT. CNTL #", 560, value_of(facts, "account")),
        ],
        [
            ("", 500, value_of(facts, "address")),
            ("5 FED. TAX NO.", 420, value_of(facts, "other_number")),
            ("b. MED. REC. #", 560, value_of(facts, "mrn")),
        ],
        [
            ("8 PATIENT NAME", 740, f"b {value_of(facts, 'name')}"),
            ("9 PATIENT ADDRESS", 740, value_of(facts, "address")),
        ],
        [
            ("10 BIRTHDATE", 300, value_of(facts, "dob")),
            ("11 SEX", 120, value_of(facts, "sex")),
            ("12 ADMISSION DATE", 300, value_of(facts, "service")),
            ("16 DHR", 160, "11"),
            ("17 STAT", 160, "01"),
            ("6 STATEMENT COVERS PERIOD FROM", 440, value_of(facts, "service")),
        ],
        [
            ("50 PAYER NAME", 600, value_of(facts, "insurer")),
            ("51 HEALTH PLAN ID", 420, ""),
            ("56 NPI", 460, value_of(facts, "other_number")),
        ],
        [
            ("58 INSURED'S NAME", 600, value_of(facts, "insured")),
            ("60 INSURED'S UNIQUE ID", 420, value_of(facts, "member")),
            ("62 INSURANCE GROUP NO.", 460, value_of(facts, "group")),
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
