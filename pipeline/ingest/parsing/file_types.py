"""Recognize the type of a file by its first bytes, never by its extension."""

from __future__ import annotations

SIGNATURE_BYTES = 1024
"""How many bytes `media_type_of` needs. PDF readers accept the header anywhere in the first 1,024."""

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


UNSUPPORTED_TYPES: tuple[tuple[int, bytes, str], ...] = (
    (4, b"ftyphei", "a HEIC photo: set the phone to JPEG"),
    (4, b"ftypmif1", "a HEIC photo: set the phone to JPEG"),
    (0, b"PK\3\4", "an office document, or a ZIP within a ZIP"),
    (0, b"\xd0\xcf\x11\xe0", "an office document"),
    (0, b"{\\rtf", "an RTF text"),
    (0, b"%!PS", "a PostScript file"),
    (0, b"<?xml", "an XML file"),
    (0, b"<!DOCTYPE html", "a web page"),
    (0, b"From ", "an e-mail"),
    (0, b"Return-Path:", "an e-mail"),
    (128, b"DICM", "a DICOM image: it belongs in the PACS"),
)


def describe_unsupported(head: bytes) -> str:
    """Return what a file of an unsupported type is, in a few words; empty if that is unknown."""
    description = next(
        (what for at, mark, what in UNSUPPORTED_TYPES if head[at : at + len(mark)] == mark), ""
    )
    return description or ("a plain text" if head.isascii() and not any(byte < 9 for byte in head) else "")


def media_type_of(head: bytes) -> str | None:
    """Return the media type of a file that starts with these bytes; None if the type is not supported."""
    for signature, media_type in SIGNATURES:
        if head.startswith(signature):
            return media_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:12] in (b"ftypavif", b"ftypavis"):
        return "image/avif"
    if head.startswith((b"PK\3\4", b"PK\5\6")):
        return ZIP
    if b"%PDF-" in head[:SIGNATURE_BYTES]:
        return PDF
    return None
