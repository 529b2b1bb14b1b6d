"""Trains a network by a recipe, and notes what it was trained on.

It must not see a test image.
"""
