"""Train and measure the models of types, document starts and index fields: examples, fitting, metrics, model
card.
"""
