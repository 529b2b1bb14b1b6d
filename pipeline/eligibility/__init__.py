"""Decides from the header whether the model may score a radiograph.

It must not read a file or look at a pixel.
"""
