"""Trains a network by a recipe, and records what it was trained on.

It must not see a test image, nor know how a trained network is evaluated.
"""
