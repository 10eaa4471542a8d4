"""Patient matching: which patient a document is about, how probable that is, and whether the document may be
filed automatically.

person_of(document)                        return the patient's data from a document's fields
decide(document, candidates, settings)     return Filed or NeedsReview, with the rules that decided
"""

from pipeline.matching.document_matching import decide, person_from_document
from pipeline.matching.person import Person, person_from_record

__all__ = ["Person", "decide", "person_from_document", "person_from_record"]
