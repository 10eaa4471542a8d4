"""Pages for the benchmarks: print as a fax machine delivers it, every page different, generated quickly from
a seed.
"""

from __future__ import annotations

import io
import random

from PIL import Image, ImageDraw, ImageFont

WORDS = (
    *(
        "patient",
        "history",
        "reports",
        "pain",
        "left",
        "right",
        "lower",
        "upper",
        "fracture",
        "admission",
        "discharge",
    ),
    *(
        "medication",
        "daily",
        "tablet",
        "review",
        "assessment",
        "plan",
        "normal",
        "exam",
        "heart",
        "lungs",
        "clear",
        "abdomen",
    ),
    *("soft", "follow", "clinic", "weeks", "surgery", "consent", "denies", "allergy", "fever"),
)
SIZE = (1275, 1650)  # letter at 150 dpi


def chart(seed: int, pages: int) -> bytes:
    """Return a G4 TIFF of `pages` pages of print; the first names a patient."""
    images = [page(seed * 10_000 + number, number) for number in range(1, pages + 1)]
    out = io.BytesIO()
    images[0].save(out, "TIFF", save_all=True, append_images=images[1:], compression="group4", dpi=(150, 150))
    return out.getvalue()


def page(seed: int, number: int, lines: int = 24, words: int = 9, size: int = 24) -> Image.Image:
    """Return one page: a heading and `lines` lines of `words` words, in type of `size` pixels."""
    random_ = random.Random(seed)
    image = Image.new("1", SIZE, 1)
    draw = ImageDraw.Draw(image)
    text = [f"Progress note {seed}   Page {number}", f"MRN: {1_000_000 + seed // 10_000}", ""]
    text += [" ".join(random_.choices(WORDS, k=words)) for _ in range(lines)]
    spacing = max(8, min(22, (SIZE[1] - 200) // (lines + 3) - size))
    draw.multiline_text((90, 90), "\n".join(text), font=ImageFont.load_default(size), fill=0, spacing=spacing)
    return image
