"""Training of the document type model: examples, fitting, measuring, the card."""
