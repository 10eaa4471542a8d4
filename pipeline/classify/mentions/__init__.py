"""Everything on a document's pages that may identify its patient, labeled or not, for matching.

collect_mentions(layouts)    return the names, dates, numbers, phones and addresses, with their roles
"""

from pipeline.classify.mentions.collect import collect_mentions

__all__ = ["collect_mentions"]
