"""Pages for the benchmarks: print as a fax machine gives it, every page different, made fast from a seed."""

from __future__ import annotations

import io
import random

from PIL import Image, ImageDraw, ImageFont

WORDS = (
    *("patient", "history", "reports", "pain", "left", "right", "lower", "upper", "fracture", "admission", "discharge"),
    *("medication", "daily", "tablet", "review", "assessment", "plan", "normal", "exam", "heart", "lungs", "clear", "abdomen"),
    *("soft", "follow", "clinic", "weeks", "surgery", "consent", "denies", "allergy", "fever"),
)
SIZE = (1275, 1650)  # letter at 150 dpi


def chart(seed: int, pages: int) -> bytes:
    """A G4 TIFF of so many pages of print; the first names a patient."""
    images = [page(seed * 10_000 + number, number) for number in range(1, pages + 1)]
    out = io.BytesIO()
    images[0].save(out, "TIFF", save_all=True, append_images=images[1:], compression="group4", dpi=(150, 150))
    return out.getvalue()


def page(seed: int, number: int) -> Image.Image:
    """One page: a heading and 24 lines."""
    random_ = random.Random(seed)
    image = Image.new("1", SIZE, 1)
    draw = ImageDraw.Draw(image)
    lines = [f"Progress note {seed}   Page {number}", f"MRN: {1_000_000 + seed // 10_000}", ""]
    lines += [" ".join(random_.choices(WORDS, k=9)) for _ in range(24)]
    draw.multiline_text((90, 90), "\n".join(lines), font=ImageFont.load_default(24), fill=0, spacing=22)
    return image
