"""The frozen records that are passed between the stages. No I/O, and no behavior beyond their own fields.

Geometry: boxes are (x0, y0, x1, y1) in pixels of the upright, deskewed page, origin at the top left, x1 and
y1 exclusive. Confidence and probability are in [0, 1]. Pages are numbered from 1 within their scan. Images
are passed as the SHA-256 of their bytes, in hex; the bytes are in a scratch folder or in object storage.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Literal, TypeAlias

Box: TypeAlias = tuple[int, int, int, int]


class Priority(IntEnum):
    """The priority of a job; the numbers are those of the job queue."""

    BACKFILL = 0
    LIVE = 10
    STAT = 20


class Role(StrEnum):
    """Whose a value on a page is, as its label, section heading or form says."""

    PATIENT = "patient"
    OTHER = "other"
    """A guarantor, insured person, relative, contact, clinician or organization."""
    UNKNOWN = "unknown"


class PageKind(StrEnum):
    """The outcome of a page: every page of a scan has exactly one kind."""

    CONTENT = "content"
    BLANK = "blank"
    SEPARATOR = "separator"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A reason for a decision. `code` is stable, `detail` is for a person, `weight` is in bits."""

    code: str
    detail: str
    weight: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyMetadata:
    """What a legacy index states about all pages of a scan: evidence in addition to the pages, as far as the
    settings trust it.

    `mrn`: the record number in our patient index. `date`: ISO, of the service. `pages`: how many there should
    be. `single_document`: the scan is one document. `trusted`: which of "patient", "type", "date" are used if
    the pages themselves do not state them. `issues`: what is wrong with the entry; a person must look at it.
    """

    mrn: str | None = None
    type: str | None = None
    date: str | None = None
    pages: int | None = None
    single_document: bool = False
    trusted: tuple[str, ...] = ()
    issues: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One file as it was ingested; `sha256` names its bytes in object storage. `notes`: what is unusual about
    the file, such as attachments.
    """

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
    notes: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word and its box on the upright page."""

    text: str
    box: Box
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of a scan before OCR. `image` is None if the page could not be opened; `problem` is then the
    reason.
    """

    scan: str
    number: int
    image: str | None
    dpi: float | None = None
    words: tuple[Word, ...] = ()
    """The embedded text of a born-digital page, in pixels of `image`; OCR decides whether it can be used."""
    problem: str | None = None
    """If there is an image too: part of the page is missing, and a person should look at it."""
    notes: tuple[Reason, ...] = ()
    """What was done to the page that a person may want to know, such as scaling down a giant page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Barcode:
    """A barcode on the page. `format` is zxing-cpp's name of the symbology."""

    format: str
    text: str
    box: Box


UnreadKind: TypeAlias = Literal["print", "handwriting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadText:
    """Text on a page that OCR did not read. `letters`: about how many letters it has."""

    kind: UnreadKind
    box: Box
    letters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OcrPage:
    """A page after OCR.

    `rotation`: degrees clockwise that make the page upright (0, 90, 180, 270). `skew`: degrees, positive
    if the content is rotated counter-clockwise. `width`, `height`: pixels of the upright page that the
    boxes refer to. `text`: the words in reading order, each line of the page on its own line, paragraphs
    separated by an empty line. `pdf`, `preview`: object keys (SHA-256) of the one-page searchable PDF and of
    the upright image for the screen. `thumbnail`: 64 x 80 gray values of the upright page, row by row, to
    compare pages. `content_kind`: text, form, handwriting, drawing, photograph or blank. `confidence`: share
    of its characters, including those that OCR missed, that were probably recognized correctly. `unread`: the
    text that OCR missed.
    """

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
    unread: tuple[UnreadText, ...] = ()
    thumbnail: bytes = b""
    pdf: str | None = None
    preview: str | None = None
    problem: str | None = None
    notes: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """An index field found on a page. Dates are ISO; `box` covers the value's words."""

    name: str
    value: str
    page: int
    box: Box
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A value on a page that may be a patient's, whether it has a label or not.

    `kind`: name, date, number, phone, address or ssn. `readings`: what may be printed there, as read first;
    dates are ISO, numbers without separators. `label`: the index field of its label, "" without one.
    `strength`: how strongly the label says that the value is the patient's, in [0, 1]. `height`: of a line
    of its page, in pixels.
    """

    kind: str
    readings: tuple[str, ...]
    page: int
    box: Box
    role: Role = Role.UNKNOWN
    label: str = ""
    strength: float = 0.0
    confidence: float = 1.0
    height: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedFact:
    """A fact of a patient's record that is printed on a document.

    `field`: patient_name, dob, mrn, ssn, phone or address. `value`: as printed. `level`: how exactly it
    agrees, as in config/match_weights.toml. `chosen`: it is the value of the document's index field.
    """

    field: str
    value: str
    level: str
    page: int
    box: Box
    role: Role
    chosen: bool
    height: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeGuess:
    """A document type (a key of config/document_types.toml) and how probable it is."""

    type: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Pages of a scan that belong together. `probability` is that of its boundaries; `issues` are what
    segmentation is uncertain about. `mentions`: everything on its pages that may identify the patient.
    """

    pages: tuple[int, ...]
    type: str
    type_probability: float
    alternatives: tuple[TypeGuess, ...] = ()
    fields: tuple[Field, ...] = ()
    probability: float = 1.0
    issues: tuple[Reason, ...] = ()
    mentions: tuple[Mention, ...] = ()

    def field(self, name: str) -> Field | None:
        """Return the field of that name with the highest confidence."""
        return max((f for f in self.fields if f.name == name), key=lambda f: f.confidence, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmentation:
    """The pages of a scan, segmented: every page is in exactly one of the three."""

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
    """A person's data in a record; None is unknown. `dob` is ISO. See the record keys of `match`."""

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
    """A patient whom a document may be about; `weight` is in bits, `reasons` are its parts. `printed`: the
    facts of the patient's record that are printed on the document.
    """

    patient: PatientRef
    probability: float
    weight: float
    reasons: tuple[Reason, ...] = ()
    person: PersonRecord | None = None
    printed: tuple[PrintedFact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """The evidence suffices: the document is filed into this patient's chart automatically."""

    document: Document
    patient: PatientRef
    probability: float
    candidates: tuple[Candidate, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedsReview:
    """A person must decide, for these reasons."""

    document: Document
    probability: float | None
    candidates: tuple[Candidate, ...]
    reasons: tuple[Reason, ...]


Filing: TypeAlias = Filed | NeedsReview


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of processing a scan; committed in one transaction."""

    scan: Scan
    pages: tuple[OcrPage, ...]
    segmentation: Segmentation
    filings: tuple[Filing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentType:
    """An entry of the document type catalog. `titles`: titles of such documents; `weak_titles`: titles that
    are also section headings of other documents. `files_as`: the coarser type under which a chart keeps it.
    `near`: types that it may be mistaken for without harm. `confidentiality`: N (normal), R (restricted) or V
    (very restricted), a code of the HL7 v3 code system Confidentiality.
    """

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
    confidentiality: str = "N"
