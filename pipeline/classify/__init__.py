"""Pages become documents: separator sheets, boundaries, types, index fields."""
