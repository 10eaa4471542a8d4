"""The patient index: who a document is about, how sure that is, and whether it may be filed with nobody's help.

candidates(connection, person, settings)   patients of the index, the most probable first
person_of(document)                        what a document's fields say of the patient
decide(document, candidates, settings)     Filed or NeedsReview, with the rules that decided
"""

from pipeline.match.filing import decide, person_of
from pipeline.match.index import candidates
from pipeline.match.person import Person, person_from

__all__ = ["Person", "candidates", "decide", "person_from", "person_of"]
