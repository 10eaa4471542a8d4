"""Why a file is not taken. Codes are stable; the sentence is for the clerk who scanned the file, the remedy
says what to do.
"""

from __future__ import annotations

from pipeline.errors import InvalidInput

REJECTIONS: dict[str, tuple[str, str]] = {
    "empty": ("The file is empty.", "Scan or export it again."),
    "unknown_kind": (
        "The file is not a PDF or a picture that can be read (PDF, TIFF, PNG, JPEG, JPEG 2000, BMP, GIF, WebP, AVIF, PNM).",
        "Print or export it as a PDF and hand that in.",
    ),
    "encrypted": (
        "The file is protected by a password.",
        "Save a copy without the password and hand that in.",
    ),
    "damaged": (
        "The file is damaged and cannot be opened.",
        "Scan or export it again; if it was copied, copy it again.",
    ),
    "no_pages": ("The file has no pages.", "Check the scan at its source and scan it again."),
    "unreadable_pages": (
        "None of the file's pages could be opened.",
        "Scan or export it again; if it looks right on your screen, print it to PDF and hand that in.",
    ),
    "too_large": (
        "The file is larger than this installation takes.",
        "Split it, or ask for intake.max_bytes to be raised.",
    ),
    "too_many_pages": (
        "The file has more pages than this installation takes.",
        "Split it, or ask for intake.max_pages to be raised.",
    ),
    "timeout": (
        "The file took too long to open.",
        "Print it to PDF and hand that in, or ask for intake.open_cpu_limit_seconds to be raised.",
    ),
    "parser_failed": (
        "The file made the program that opens it fail, or needed more memory than it may have.",
        "Print it to PDF and hand that in.",
    ),
}


def rejection(code: str, detail: str = "") -> InvalidInput:
    """The error for a file that cannot be taken. `detail` is a technical remark without the file's
    content.
    """
    sentence, remedy = REJECTIONS[code]
    return InvalidInput(f"{sentence} ({detail})" if detail else sentence, remedy, code)
