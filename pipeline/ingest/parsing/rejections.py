"""Why a file is rejected. Codes are stable. The sentence is for the clerk who scanned the file; the remedy
states what to do.
"""

from __future__ import annotations

from pipeline.errors import InvalidInput

REJECTIONS: dict[str, tuple[str, str]] = {
    "empty": ("The file is empty.", "Scan or export it again."),
    "unknown_kind": (
        "The file is not a PDF or an image of a supported type"
        " (PDF, TIFF, PNG, JPEG, JPEG 2000, BMP, GIF, WebP, AVIF, PNM).",
        "Print or export it as a PDF and submit that.",
    ),
    "encrypted": (
        "The file is protected by a password.",
        "Save a copy without the password and submit it.",
    ),
    "damaged": (
        "The file is damaged and cannot be opened.",
        "Scan or export it again. If it was copied, copy it again.",
    ),
    "no_pages": ("The file has no pages.", "Check the scan at its source and scan it again."),
    "unreadable_pages": (
        "None of the file's pages could be opened.",
        "Scan or export it again. If it looks right on your screen, print it to PDF and submit that.",
    ),
    "too_large": (
        "The file is larger than the limit of this installation.",
        "Split it, or ask the administrator to raise intake.max_bytes.",
    ),
    "too_many_pages": (
        "The file has more pages than the limit of this installation.",
        "Split it, or ask the administrator to raise intake.max_pages.",
    ),
    "timeout": (
        "The file took too long to open.",
        "Print it to PDF and submit that, or ask the administrator to raise intake.open_cpu_limit_seconds.",
    ),
    "parser_failed": (
        "The program that opens the file crashed, or needed more memory than it is allowed.",
        "Print it to PDF and submit that.",
    ),
}


def rejection(code: str, detail: str = "") -> InvalidInput:
    """Return the error for a file that is rejected.

    Args:
        code: A key of REJECTIONS.
        detail: A technical remark without content of the file.
    """
    sentence, remedy = REJECTIONS[code]
    return InvalidInput(f"{sentence} ({detail})" if detail else sentence, remedy, code)


def detail_of(error: InvalidInput) -> str:
    """Return the remark of a rejection if it helps the person who submitted the file."""
    if error.code != "unknown_kind":
        return ""
    return str(error.args[0]).removeprefix(REJECTIONS["unknown_kind"][0]).strip(" ()")
