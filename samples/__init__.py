"""Sample charts: fictitious patients and documents about them, on paper that has been through a scanner.

`patients(count, seed)` makes people; `documents(people, count, seed)` makes documents as blocks and text, with nothing drawn;
`typeset(rng, sample, style)` sets one on pages of words with boxes; `python -m samples` writes scans with their truth.
"""

from samples.compose import Sample, document, documents, types
from samples.people import Patient, patients
from samples.style import Style, style_for
from samples.typeset import Printed, typeset

__all__ = ["Patient", "Printed", "Sample", "Style", "document", "documents", "patients", "style_for", "types", "typeset"]
