"""The patient index: who a document is about, how sure that is, and whether it may be filed with nobody's
help.

person_of(document)                        what a document's fields say of the patient
decide(document, candidates, settings)     Filed or NeedsReview, with the rules that decided
"""

from pipeline.matching.document_matching import decide, person_of
from pipeline.matching.person import Person, person_from

__all__ = ["Person", "decide", "person_from", "person_of"]
