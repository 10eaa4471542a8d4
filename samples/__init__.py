"""Sample charts: fictitious patients, documents and scans made from a seed, for the demo, the tests and training."""
