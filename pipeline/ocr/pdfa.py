"""What makes a PDF a PDF/A-2b: an output intent with an sRGB profile, XMP metadata that agrees with the document information."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, Stream
from PIL import ImageCms

from pipeline import __version__


@cache
def srgb() -> bytes:
    """An sRGB ICC profile."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def declare(pdf: Pdf, *, title: str, subject: str, keywords: Sequence[str], made: datetime | None, creator: str) -> None:
    """Add the output intent, XMP and document information. `made`: time of making; None is now."""
    profile = Stream(pdf, srgb(), N=3)
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
    stamp = (made or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
    with pdf.open_metadata(set_pikepdf_as_editor=False, update_docinfo=True) as meta:
        meta["pdfaid:part"], meta["pdfaid:conformance"] = "2", "B"
        meta["dc:title"] = title
        if subject:
            meta["dc:description"] = subject
        if keywords:
            meta["pdf:Keywords"] = ", ".join(keywords)
        meta["pdf:Producer"] = f"{creator} {__version__}"
        meta["xmp:CreatorTool"] = creator
        meta["xmp:CreateDate"] = meta["xmp:ModifyDate"] = stamp.isoformat()
