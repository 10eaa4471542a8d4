"""What a file is, by its first bytes and never by its ending."""

from __future__ import annotations

HEAD = 1024
"""How many bytes `kind_of` needs; readers of PDF accept its header anywhere in the first 1,024."""

PDF = "application/pdf"
ZIP = "application/zip"
SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0", "image/tiff"),
    (b"MM\0+", "image/tiff"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"\xff\x4f\xff\x51", "image/jp2"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"P4", "image/x-portable-anymap"),
    (b"P5", "image/x-portable-anymap"),
    (b"P6", "image/x-portable-anymap"),
)
PILLOW_FORMATS = {
    "image/tiff": "TIFF",
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/jp2": "JPEG2000",
    "image/gif": "GIF",
    "image/bmp": "BMP",
    "image/webp": "WEBP",
    "image/avif": "AVIF",
    "image/x-portable-anymap": "PPM",
}


OTHERS: tuple[tuple[int, bytes, str], ...] = (
    (4, b"ftyphei", "a HEIC photograph: set the telephone to JPEG"),
    (4, b"ftypmif1", "a HEIC photograph: set the telephone to JPEG"),
    (0, b"PK\3\4", "an office document, or a ZIP within a ZIP"),
    (0, b"\xd0\xcf\x11\xe0", "an office document"),
    (0, b"{\\rtf", "an RTF text"),
    (0, b"%!PS", "a PostScript file"),
    (0, b"<?xml", "an XML file"),
    (0, b"<!DOCTYPE html", "a web page"),
    (0, b"From ", "an e-mail"),
    (0, b"Return-Path:", "an e-mail"),
    (128, b"DICM", "a DICOM image: it belongs into the PACS"),
)


def what_else(head: bytes) -> str:
    """What a file of no kind that is taken is, in a few words; nothing where that is not known."""
    known = next((what for at, mark, what in OTHERS if head[at : at + len(mark)] == mark), "")
    return known or ("a plain text" if head.isascii() and not any(byte < 9 for byte in head) else "")


def kind_of(head: bytes) -> str | None:
    """The media type of a file that starts with these bytes; None where it is not of a kind that is taken."""
    for signature, media_type in SIGNATURES:
        if head.startswith(signature):
            return media_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:12] in (b"ftypavif", b"ftypavis"):
        return "image/avif"
    if head.startswith((b"PK\3\4", b"PK\5\6")):
        return ZIP
    if b"%PDF-" in head[:HEAD]:
        return PDF
    return None
