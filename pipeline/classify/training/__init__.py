"""Training of the models of types, document starts and index fields: examples, fitting, measuring, the
card.
"""
