"""Fits and measures the models behind the quality flags of `pipeline.quality`.

It must not know the classifier.
"""
