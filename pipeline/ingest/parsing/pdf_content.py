"""Analyze the content of a PDF page: is it one image that fills the page, with nothing else visible?

The content stream is interpreted only as far as this question needs. If a construct is not understood, the
answer is no and the page is rendered. Runs in the parser process.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pikepdf

Matrix: TypeAlias = tuple[float, float, float, float, float, float]
Rect: TypeAlias = tuple[float, float, float, float]

IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
MIN_PAGE_SHARE = 0.9  # an image that covers this share of the page is the page
MIN_HIDING_SHARE = 0.98  # above this share it hides everything drawn before it
MIN_VISIBLE_SHARE = 0.97  # if less of the image is on the page, the rest is clipped and must stay clipped
MAX_FORM_DEPTH = 4  # of forms within forms
INVISIBLE_TEXT_MODES = (3, 7)  # text rendering modes without visible text
INVISIBLE_TEXT = re.compile(rb"(?<![\d.])[37](?:\.0*)?\s+Tr\b")
INLINE_IMAGE = re.compile(rb"(?:^|\s)BI\s[^\0]{1,400}?\sID\s")
MAX_CONTENT_BYTES = 4_000_000  # of drawing instructions; a page of only text has about 10,000
HARMLESS_ANNOTATIONS = ("/Link", "/Popup")
PAINT_OPERATORS = frozenset(("f", "F", "f*", "B", "B*", "b", "b*", "S", "s", "sh"))
TEXT_OPERATORS = frozenset(("Tj", "TJ", "'", '"'))
FILL_COLOR_OPERATORS = frozenset(("g", "rg", "k", "sc", "scn", "cs"))


@dataclass(frozen=True, slots=True)
class PlacedImage:
    """An image and its position on the page."""

    image: pikepdf.Object
    matrix: Matrix
    is_fill_black: bool
    """Whether the fill color is black. A stencil mask is painted with it."""

    @property
    def rect(self) -> Rect:
        a, b, c, d, e, f = self.matrix
        xs, ys = (e, e + a, e + c, e + a + c), (f, f + b, f + d, f + b + d)
        return min(xs), min(ys), max(xs), max(ys)

    @property
    def upright(self) -> bool:
        """Whether it is not rotated, mirrored or skewed."""
        a, b, c, d, _, _ = self.matrix
        return a > 0 and d > 0 and abs(b) < 1e-3 * a and abs(c) < 1e-3 * d

    @property
    def pixels(self) -> tuple[int, int]:
        return int(self.image.get("/Width", 0)), int(self.image.get("/Height", 0))

    @property
    def dpi(self) -> tuple[float, float]:
        """Dots per inch (horizontal, vertical) of the image, regardless of its rotation."""
        a, b, c, d, _, _ = self.matrix
        width, height = self.pixels
        across, down = (a * a + b * b) ** 0.5, (c * c + d * d) ** 0.5
        return 72.0 * width / max(across, 1e-6), 72.0 * height / max(down, 1e-6)


@dataclass
class PageContent:
    """What a page draws.

    Attributes:
        sole: The image that is the page, if there is one.
        marks: Whether anything else is visible.
        pictures: Its images, without inline images.
        picture_rects: The rectangles of all its images.
    """

    page: Rect
    sole: PlacedImage | None = None
    marks: bool = False
    pictures: list[PlacedImage] = field(default_factory=list)
    picture_rects: list[Rect] = field(default_factory=list)

    @property
    def pictured(self) -> float:
        """The share of the page that its largest image covers."""
        return max((covered_share(picture.rect, self.page) for picture in self.pictures), default=0.0)


@dataclass
class _State:
    """The part of the graphics state that matters here."""

    matrix: Matrix = IDENTITY
    invisible_text: bool = False
    is_fill_black: bool = True
    is_transparent: bool = False
    """Whether transparency or a blend mode is active."""
    clip: Rect | None = None

    def copy(self) -> _State:
        return _State(self.matrix, self.invisible_text, self.is_fill_black, self.is_transparent, self.clip)


def analyze_content(page: pikepdf.Page, visible: Rect) -> PageContent:
    """Interpret the page's content.

    Args:
        page: The page.
        visible: Its crop box in its own units.

    Raises what pikepdf raises for damaged content.
    """
    drawing = PageContent(visible)
    _follow(drawing, page.obj, page.obj.get("/Resources", page.resources), _State(), 0)
    if any(_shows(annotation) for annotation in page.obj.get("/Annots", ())):
        drawing.marks = True
    return drawing


def has_invisible_text(page: pikepdf.Page) -> bool:
    """Return whether the page switches to a text rendering mode without visible text (3 or 7)."""
    return any(INVISIBLE_TEXT.search(content) for content in _contents(page.obj, page.resources, 0))


def has_inline_image(page: pikepdf.Page) -> bool:
    """Return whether the page's own content or one of its forms contains an inline image."""
    return any(INLINE_IMAGE.search(content) for content in _contents(page.obj, page.resources, 0))


def _contents(thing: pikepdf.Object, resources: Any, depth: int) -> Iterator[bytes]:
    """Yield the drawing instructions of a page or form, and of the forms within it."""
    streams = [thing] if isinstance(thing, pikepdf.Stream) else thing.get("/Contents", ())
    for stream in [streams] if isinstance(streams, pikepdf.Stream) else streams:
        yield bytes(stream.read_bytes())
    things = resources.get("/XObject") if isinstance(resources, pikepdf.Dictionary) else None
    if things is None or depth >= MAX_FORM_DEPTH:
        return
    for inner in things.as_dict().values():
        if str(inner.get("/Subtype", "")) == "/Form":
            yield from _contents(inner, inner.get("/Resources", pikepdf.Dictionary()), depth + 1)


def _shows(annotation: Any) -> bool:
    return (
        isinstance(annotation, pikepdf.Dictionary)
        and str(annotation.get("/Subtype", "")) not in HARMLESS_ANNOTATIONS
    )


def _follow(drawing: PageContent, content: pikepdf.Object, resources: Any, state: _State, depth: int) -> None:
    stack: list[_State] = []
    path: Rect | None = None
    for instruction in pikepdf.parse_content_stream(content):
        operands, name = list(instruction.operands), str(instruction.operator)
        if name == "q":
            stack.append(state.copy())
        elif name == "Q":
            state = stack.pop() if stack else state
        elif name == "cm":
            state.matrix = multiply(_numbers(operands), state.matrix)
        elif name == "Tr":
            state.invisible_text = int(operands[0]) in INVISIBLE_TEXT_MODES
        elif name in TEXT_OPERATORS:
            drawing.marks |= not state.invisible_text
        elif name in FILL_COLOR_OPERATORS:
            state.is_fill_black = _is_black(name, operands)
        elif name == "re":
            x, y, w, h = (float(value) for value in operands)
            path = (
                transformed_rect(state.matrix, (x, y, x + w, y + h)) if path is None else (0.0, 0.0, 0.0, 0.0)
            )
        elif name in ("m", "l", "c", "v", "y"):
            path = (0.0, 0.0, 0.0, 0.0)
        elif name in ("W", "W*"):
            state.clip = intersection(state.clip, path) if path else state.clip
        elif name == "n":
            path = None
        elif name in PAINT_OPERATORS:
            drawing.marks, path = True, None
        elif name == "gs":
            state.is_transparent |= _is_transparent(_resource(resources, "/ExtGState", operands))
        elif name == "INLINE IMAGE":
            drawing.marks = True
            drawing.picture_rects.append(transformed_rect(state.matrix, (0.0, 0.0, 1.0, 1.0)))
        elif name == "Do":
            _place(drawing, _resource(resources, "/XObject", operands), resources, state, depth)
        elif name == "BDC" and str(operands[0]) == "/OC":
            drawing.marks = True


def _place(drawing: PageContent, thing: Any, resources: Any, state: _State, depth: int) -> None:
    """Draw an image or a form."""
    if thing is None:
        return
    if str(thing.get("/Subtype", "")) == "/Form":
        if depth >= MAX_FORM_DEPTH or "/Group" in thing or "/OC" in thing:
            drawing.marks = True
        if depth < MAX_FORM_DEPTH:
            inner = state.copy()
            inner.matrix = multiply(_numbers(thing.get("/Matrix", IDENTITY)), state.matrix)
            _follow(drawing, thing, thing.get("/Resources", resources), inner, depth + 1)
        return
    picture = PlacedImage(thing, state.matrix, state.is_fill_black)
    drawing.pictures.append(picture)
    drawing.picture_rects.append(picture.rect)
    cut = covered_share(drawing.page, picture.rect) < MIN_VISIBLE_SHARE or (
        state.clip is not None and covered_share(state.clip, picture.rect) < MIN_VISIBLE_SHARE
    )
    whole = not (cut or state.is_transparent or {"/SMask", "/Mask", "/OC"} & set(thing.keys()))
    share = covered_share(picture.rect, drawing.page)
    opaque = whole and not bool(thing.get("/ImageMask", False))
    if opaque and share >= MIN_HIDING_SHARE:
        drawing.sole, drawing.marks = picture, False
    elif (
        whole
        and share >= MIN_PAGE_SHARE
        and drawing.sole is None
        and not drawing.marks
        and len(drawing.pictures) == 1
    ):
        drawing.sole = picture
    else:
        drawing.marks = True


def _resource(resources: Any, kind: str, operands: Sequence[Any]) -> Any:
    table = resources.get(kind) if resources is not None else None
    return table.get(str(operands[0])) if table is not None and operands else None


def _is_transparent(settings: Any) -> bool:
    """Return whether this graphics state makes what follows transparent or blended."""
    if settings is None:
        return False
    mask, blend = settings.get("/SMask"), str(settings.get("/BM", "/Normal"))
    see_through = float(settings.get("/ca", 1)) != 1 or float(settings.get("/CA", 1)) != 1
    return (
        see_through or blend not in ("/Normal", "/Compatible") or (mask is not None and str(mask) != "/None")
    )


def _is_black(name: str, operands: Sequence[Any]) -> bool:
    values = (
        [float(value) for value in operands if not isinstance(value, pikepdf.Name)]
        if name not in ("cs", "scn", "sc")
        else None
    )
    if values is None:
        return False
    return values == [0, 0, 0, 1] if name == "k" else not any(values)


def _numbers(operands: Any) -> Matrix:
    a, b, c, d, e, f = (float(value) for value in operands)
    return a, b, c, d, e, f


def multiply(m: Matrix, n: Matrix) -> Matrix:
    """Return the matrix that applies m first, then n."""
    return (
        m[0] * n[0] + m[1] * n[2],
        m[0] * n[1] + m[1] * n[3],
        m[2] * n[0] + m[3] * n[2],
        m[2] * n[1] + m[3] * n[3],
        m[4] * n[0] + m[5] * n[2] + n[4],
        m[4] * n[1] + m[5] * n[3] + n[5],
    )


def transformed_rect(m: Matrix, r: Rect) -> Rect:
    """Return the upright rectangle around a transformed one."""
    corners = [
        (x * m[0] + y * m[2] + m[4], x * m[1] + y * m[3] + m[5]) for x in (r[0], r[2]) for y in (r[1], r[3])
    ]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return min(xs), min(ys), max(xs), max(ys)


def intersection(a: Rect | None, b: Rect) -> Rect:
    """Return the part that both cover."""
    return b if a is None else (max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3]))


def covered_share(a: Rect, b: Rect) -> float:
    """Return the share of b that a covers."""
    both = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    return both / max((b[2] - b[0]) * (b[3] - b[1]), 1e-9)
