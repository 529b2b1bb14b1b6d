"""Flags what is unusual about the image itself: appearance, exposure, lungs that are cut off.

It must not know headers or the classifier.
"""
