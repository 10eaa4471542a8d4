"""Pages become words: clean the image, read it, make the searchable PDF."""
