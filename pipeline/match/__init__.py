"""Documents meet patients: index, candidates, comparisons, decision."""
