"""What a PDF page draws: is it one picture that fills the page and nothing else that can be seen?

The content stream is followed far enough to answer that and no further: where a construct is not understood,
the answer is no and the page is rendered. Runs in the parser's child process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pikepdf

Matrix: TypeAlias = tuple[float, float, float, float, float, float]
Rect: TypeAlias = tuple[float, float, float, float]

IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
COVERS = 0.9  # a picture over this much of the page is the page
HIDES = 0.98  # over this much it hides all that was drawn before it
SHOWN = 0.97  # less of the picture than this lies on the page: the rest is cut off, and must stay so
DEPTH = 4  # forms within forms that are followed
INVISIBLE = (3, 7)  # text rendering modes that leave no ink
LONGEST_CONTENT = (
    4_000_000  # bytes of drawing instructions that are looked through; a page of text alone has some 10,000
)
HARMLESS_ANNOTATIONS = ("/Link", "/Popup")
PAINTING = frozenset(("f", "F", "f*", "B", "B*", "b", "b*", "S", "s", "sh"))
SHOWING = frozenset(("Tj", "TJ", "'", '"'))
FILL_COLOUR = frozenset(("g", "rg", "k", "sc", "scn", "cs"))


@dataclass(frozen=True, slots=True)
class Placed:
    """A picture and where the page puts it."""

    image: pikepdf.Object
    matrix: Matrix
    black_ink: bool
    """Is the fill colour black? It is what a stencil mask is painted with."""

    @property
    def rect(self) -> Rect:
        a, b, c, d, e, f = self.matrix
        xs, ys = (e, e + a, e + c, e + a + c), (f, f + b, f + d, f + b + d)
        return min(xs), min(ys), max(xs), max(ys)

    @property
    def upright(self) -> bool:
        """Is it neither turned, mirrored nor slanted?"""
        a, b, c, d, _, _ = self.matrix
        return a > 0 and d > 0 and abs(b) < 1e-3 * a and abs(c) < 1e-3 * d

    @property
    def pixels(self) -> tuple[int, int]:
        return int(self.image.get("/Width", 0)), int(self.image.get("/Height", 0))

    @property
    def dpi(self) -> tuple[float, float]:
        """Dots per inch across and down, however it is turned."""
        a, b, c, d, _, _ = self.matrix
        width, height = self.pixels
        across, down = (a * a + b * b) ** 0.5, (c * c + d * d) ** 0.5
        return 72.0 * width / max(across, 1e-6), 72.0 * height / max(down, 1e-6)


@dataclass
class Drawing:
    """What was found. `sole` is the picture that is the page, if there is one; `marks` whether anything else
    leaves ink.
    """

    page: Rect
    sole: Placed | None = None
    marks: bool = False
    pictures: list[Placed] = field(default_factory=list)

    @property
    def pictured(self) -> float:
        """The share of the page under its largest picture."""
        return max((overlap(picture.rect, self.page) for picture in self.pictures), default=0.0)


@dataclass
class _State:
    """The part of the graphics state that matters here."""

    matrix: Matrix = IDENTITY
    invisible_text: bool = False
    black_ink: bool = True
    odd: bool = False
    """Transparency, a blend mode or a clip that is not a plain rectangle is in force."""
    clip: Rect | None = None

    def copy(self) -> _State:
        return _State(self.matrix, self.invisible_text, self.black_ink, self.odd, self.clip)


def drawing_of(page: pikepdf.Page, visible: Rect) -> Drawing:
    """Follow the page's content. `visible` is its crop box in its own units. Raises what pikepdf raises for
    damaged content.
    """
    drawing = Drawing(visible)
    _follow(drawing, page.obj, page.obj.get("/Resources", page.resources), _State(), 0)
    if any(_shows(annotation) for annotation in page.obj.get("/Annots", ())):
        drawing.marks = True
    return drawing


def _shows(annotation: Any) -> bool:
    return (
        isinstance(annotation, pikepdf.Dictionary)
        and str(annotation.get("/Subtype", "")) not in HARMLESS_ANNOTATIONS
    )


def _follow(drawing: Drawing, content: pikepdf.Object, resources: Any, state: _State, depth: int) -> None:
    stack: list[_State] = []
    path: Rect | None = None
    for instruction in pikepdf.parse_content_stream(content):
        operands, name = list(instruction.operands), str(instruction.operator)
        if name == "q":
            stack.append(state.copy())
        elif name == "Q":
            state = stack.pop() if stack else state
        elif name == "cm":
            state.matrix = times(_numbers(operands), state.matrix)
        elif name == "Tr":
            state.invisible_text = int(operands[0]) in INVISIBLE
        elif name in SHOWING:
            drawing.marks |= not state.invisible_text
        elif name in FILL_COLOUR:
            state.black_ink = _is_black(name, operands)
        elif name == "re":
            x, y, w, h = (float(value) for value in operands)
            path = rect_of(state.matrix, (x, y, x + w, y + h)) if path is None else (0.0, 0.0, 0.0, 0.0)
        elif name in ("m", "l", "c", "v", "y"):
            path = (0.0, 0.0, 0.0, 0.0)
        elif name in ("W", "W*"):
            state.clip = common(state.clip, path) if path else state.clip
        elif name == "n":
            path = None
        elif name in PAINTING:
            drawing.marks, path = True, None
        elif name == "gs":
            state.odd |= _is_odd(_resource(resources, "/ExtGState", operands))
        elif name == "INLINE IMAGE":
            drawing.marks = True
        elif name == "Do":
            _place(drawing, _resource(resources, "/XObject", operands), resources, state, depth)
        elif name == "BDC" and str(operands[0]) == "/OC":
            drawing.marks = True


def _place(drawing: Drawing, thing: Any, resources: Any, state: _State, depth: int) -> None:
    """A picture or a form is drawn."""
    if thing is None:
        return
    if str(thing.get("/Subtype", "")) == "/Form":
        if depth >= DEPTH or "/Group" in thing or "/OC" in thing:
            drawing.marks = True
        if depth < DEPTH:
            inner = state.copy()
            inner.matrix = times(_numbers(thing.get("/Matrix", IDENTITY)), state.matrix)
            _follow(drawing, thing, thing.get("/Resources", resources), inner, depth + 1)
        return
    picture = Placed(thing, state.matrix, state.black_ink)
    drawing.pictures.append(picture)
    cut = overlap(drawing.page, picture.rect) < SHOWN or (
        state.clip is not None and overlap(state.clip, picture.rect) < SHOWN
    )
    whole = not (cut or state.odd or {"/SMask", "/Mask", "/OC"} & set(thing.keys()))
    share = overlap(picture.rect, drawing.page)
    opaque = whole and not bool(thing.get("/ImageMask", False))
    if opaque and share >= HIDES:
        drawing.sole, drawing.marks = picture, False
    elif (
        whole
        and share >= COVERS
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


def _is_odd(settings: Any) -> bool:
    """Does this graphics state make what follows see-through or blended?"""
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


def times(m: Matrix, n: Matrix) -> Matrix:
    """First m, then n."""
    return (
        m[0] * n[0] + m[1] * n[2],
        m[0] * n[1] + m[1] * n[3],
        m[2] * n[0] + m[3] * n[2],
        m[2] * n[1] + m[3] * n[3],
        m[4] * n[0] + m[5] * n[2] + n[4],
        m[4] * n[1] + m[5] * n[3] + n[5],
    )


def rect_of(m: Matrix, r: Rect) -> Rect:
    """The upright rectangle around a transformed one."""
    corners = [
        (x * m[0] + y * m[2] + m[4], x * m[1] + y * m[3] + m[5]) for x in (r[0], r[2]) for y in (r[1], r[3])
    ]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return min(xs), min(ys), max(xs), max(ys)


def common(a: Rect | None, b: Rect) -> Rect:
    """The part that both cover."""
    return b if a is None else (max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3]))


def overlap(a: Rect, b: Rect) -> float:
    """The share of b that a covers."""
    both = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    return both / max((b[2] - b[0]) * (b[3] - b[1]), 1e-9)
