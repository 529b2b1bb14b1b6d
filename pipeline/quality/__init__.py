"""Flags an image that is unusual: in appearance, exposure, or lungs that are cut off.

It must not know headers or the classifier.
"""
