"""Synthetic charts: fictitious patients and documents about them, as if printed and scanned.

`patients(count, seed)` generates people; `documents(people, count, seed)` generates documents as blocks and
text, without drawing them; `typeset(rng, document, style)` sets one on pages of words with boxes; `chartloom
synthesize` writes scans with their ground truth.
"""

from pipeline.synthetic.compose import SyntheticDocument, document, documents, types
from pipeline.synthetic.people import Patient, patients
from pipeline.synthetic.style import Style, style_for
from pipeline.synthetic.typeset import TypesetDocument, typeset

__all__ = [
    "Patient",
    "Style",
    "SyntheticDocument",
    "TypesetDocument",
    "document",
    "documents",
    "patients",
    "style_for",
    "types",
    "typeset",
]
