"""Makes a model release of a trained network, with its model card.

It must not train.
"""
