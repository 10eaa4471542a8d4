"""The frozen records that flow between the stages. No I/O, no behaviour beyond what a record knows of itself.

Geometry: boxes are (x0, y0, x1, y1) in pixels of the upright, deskewed page, origin at the top left, x1 and
y1 exclusive. Confidence and probability are in [0, 1]. Pages are numbered from 1 within their scan. Images
travel as the SHA-256 of their bytes, in hex; the bytes lie in a scratch folder or in object storage."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TypeAlias

Box: TypeAlias = tuple[int, int, int, int]


class Priority(IntEnum):
    """Which job goes first; the numbers are the queue's."""

    BACKFILL = 0
    LIVE = 10
    STAT = 20


class PageKind(StrEnum):
    """What became of a page: every page of a scan has exactly one kind on the ledger."""

    CONTENT = "content"
    BLANK = "blank"
    SEPARATOR = "separator"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a decision went the way it did. `code` is stable, `detail` is for a person, `weight` is in bits
    where it has one.
    """

    code: str
    detail: str
    weight: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyMetadata:
    """What an old index says of all the pages of a scan: evidence beside the pages, as far as the settings
    trust it.

    `mrn`: as our patient index numbers. `date`: ISO, of the service. `pages`: how many there should be.
    `whole`: the scan is one document. `believed`: which of "patient", "type", "date" stand where the pages
    themselves say nothing. `doubts`: what is wrong with what it says; a person looks."""

    mrn: str | None = None
    type: str | None = None
    date: str | None = None
    pages: int | None = None
    single_document: bool = False
    trusted: tuple[str, ...] = ()
    issues: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One file as it was handed in; `sha256` names its bytes in object storage."""

    id: int
    sha256: str
    name: str
    media_type: str
    size: int
    source: str = "intake"
    department: str | None = None
    default_type: str | None = None
    priority: Priority = Priority.LIVE
    legacy_metadata: LegacyMetadata | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word where it stands on the upright page."""

    text: str
    box: Box
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of a scan before it is read. `image` is None where the page could not be opened; `problem` then
    says why.
    """

    scan: str
    number: int
    image: str | None
    dpi: float | None = None
    words: tuple[Word, ...] = ()
    """The page's own text where it is born digital, in pixels of `image`; the reader judges whether it is
    sound.
    """
    problem: str | None = None
    """With an image too: part of the page is missing, and a person should see it."""
    notes: tuple[Reason, ...] = ()
    """What was done to it that a person may want to know: a giant page is made smaller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Barcode:
    """A code read from the page. `format` is zxing-cpp's name of the symbology."""

    format: str
    text: str
    box: Box


@dataclass(frozen=True, slots=True, kw_only=True)
class OcrPage:
    """A page that has been read.

    `rotation`: degrees clockwise that make the page upright (0, 90, 180, 270). `skew`: degrees, positive
    where the content was turned counter-clockwise. `width`, `height`: pixels of the upright page that the
    boxes refer to. `text`: the words in reading order, a line of the page on a line of its own, paragraphs
    divided by an empty line. `pdf`, `preview`: object keys (SHA-256) of the one-page searchable PDF and of
    the upright picture for the screen. `thumbnail`: 64 x 80 grey values of the upright page, row by row, to
    compare pages by. `bears`: text, form, handwriting, drawing, photograph or blank. `confidence`: share of
    its characters, those that were not read among them, that were probably read right."""

    number: int
    image: str | None
    width: int = 0
    height: int = 0
    dpi: float | None = None
    rotation: int = 0
    skew: float = 0.0
    blank: bool = False
    content_kind: str = "text"
    confidence: float = 0.0
    text: str = ""
    words: tuple[Word, ...] = ()
    barcodes: tuple[Barcode, ...] = ()
    thumbnail: bytes = b""
    pdf: str | None = None
    preview: str | None = None
    problem: str | None = None
    notes: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """An index value found on a page. Dates are ISO; `box` covers the value's words."""

    name: str
    value: str
    page: int
    box: Box
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeGuess:
    """A document type (a key of config/document_types.toml) and how probable it is."""

    type: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Pages of a scan that belong together. `probability` is that of its cut; `doubts` are what sorting is
    not sure of.
    """

    pages: tuple[int, ...]
    type: str
    type_probability: float
    alternatives: tuple[TypeGuess, ...] = ()
    fields: tuple[Field, ...] = ()
    probability: float = 1.0
    issues: tuple[Reason, ...] = ()

    def field(self, name: str) -> Field | None:
        """The most confident value of that name."""
        return max((f for f in self.fields if f.name == name), key=lambda f: f.confidence, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmentation:
    """What sorting made of a scan's pages: every page is in exactly one of the three."""

    documents: tuple[Document, ...]
    blank: tuple[int, ...] = ()
    separators: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientRef:
    """A patient of the index."""

    id: int
    mrn: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRecord:
    """What a record says of a person; None is not known. `dob` is ISO. See the match command's record
    keys.
    """

    given: str | None = None
    middle: str | None = None
    family: str | None = None
    suffix: str | None = None
    dob: str | None = None
    sex: str | None = None
    mrn: str | None = None
    ssn: str | None = None
    address: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    phone: str | None = None
    email: str | None = None
    mother_maiden: str | None = None
    previous_family: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A patient whom a document may be about; `weight` is the match weight in bits, `reasons` are its
    parts.
    """

    patient: PatientRef
    probability: float
    weight: float
    reasons: tuple[Reason, ...] = ()
    person: PersonRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """The evidence suffices: the document goes into this patient's chart with nobody's help."""

    document: Document
    patient: PatientRef
    probability: float
    candidates: tuple[Candidate, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedsReview:
    """A person decides, and these are the reasons."""

    document: Document
    probability: float | None
    candidates: tuple[Candidate, ...]
    reasons: tuple[Reason, ...]


Filing: TypeAlias = Filed | NeedsReview


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Everything that processing made of a scan; committed in one transaction."""

    scan: Scan
    pages: tuple[OcrPage, ...]
    segmentation: Segmentation
    filings: tuple[Filing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentType:
    """An entry of the type catalogue. `titles`: what stands on top of such documents, `weak_titles`: what
    also heads sections of others. `files_as`: the coarser type under which a chart keeps it. `near`: types
    for which it may be taken without harm."""

    key: str
    name: str
    loinc: str | None
    department: str
    clinical: bool
    required_fields: tuple[str, ...]
    retention: str
    titles: tuple[str, ...] = ()
    weak_titles: tuple[str, ...] = ()
    files_as: str | None = None
    near: tuple[str, ...] = ()
