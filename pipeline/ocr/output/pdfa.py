"""Add what makes a PDF a PDF/A-2b (ISO 19005-2): an output intent with an sRGB profile, and XMP metadata that
agrees with the document information.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, Stream
from PIL import ImageCms

from pipeline import __version__


@cache
def srgb_profile() -> bytes:
    """Return an sRGB ICC profile."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class PdfDescription:
    """The metadata of a PDF.

    Attributes:
        title: Title.
        subject: Description.
        keywords: Such as the LOINC code of the document's type.
        created_at: Time of creation; None is now.
        source: SHA-256 of the file from which the PDF was made.
    """

    title: str
    subject: str = ""
    keywords: tuple[str, ...] = ()
    created_at: datetime | None = None
    source: str = ""


def add_pdfa_metadata(pdf: Pdf, description: PdfDescription, creator: str) -> None:
    """Add the output intent, XMP and document information.

    Args:
        pdf: The PDF; changed in place.
        description: Its metadata.
        creator: Name of the program.
    """
    profile = Stream(pdf, srgb_profile(), N=3)
    pdf.Root.OutputIntents = Array(
        [
            Dictionary(
                Type=Name.OutputIntent,
                S=Name.GTS_PDFA1,
                OutputConditionIdentifier=pikepdf.String("sRGB"),
                Info=pikepdf.String("sRGB IEC61966-2.1"),
                DestOutputProfile=pdf.make_indirect(profile),
            )
        ]
    )
    pdf.Root.ViewerPreferences = Dictionary(DisplayDocTitle=True)
    timestamp = (description.created_at or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
    with pdf.open_metadata(set_pikepdf_as_editor=False, update_docinfo=True) as meta:
        meta["pdfaid:part"], meta["pdfaid:conformance"] = "2", "B"
        meta["dc:title"] = description.title
        if description.subject:
            meta["dc:description"] = description.subject
        if description.keywords:
            meta["pdf:Keywords"] = ", ".join(description.keywords)
        if description.source:
            meta["dc:source"] = f"urn:sha256:{description.source}"
        meta["pdf:Producer"] = f"{creator} {__version__}"
        meta["xmp:CreatorTool"] = creator
        meta["xmp:CreateDate"] = meta["xmp:ModifyDate"] = timestamp.isoformat()
