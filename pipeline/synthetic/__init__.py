"""Sample charts: fictitious patients and documents about them, on paper that has been through a scanner.

`patients(count, seed)` makes people; `documents(people, count, seed)` makes documents as blocks and text,
with nothing drawn; `typeset(rng, sample, style)` sets one on pages of words with boxes; `chartloom
synthesize` writes scans with their truth."""

from pipeline.synthetic.compose import Sample, document, documents, types
from pipeline.synthetic.people import Patient, patients
from pipeline.synthetic.style import Style, style_for
from pipeline.synthetic.typeset import Printed, typeset

__all__ = [
    "Patient",
    "Printed",
    "Sample",
    "Style",
    "document",
    "documents",
    "patients",
    "style_for",
    "types",
    "typeset",
]
