"""Turns stored pixel values into gray levels in [0, 1], MONOCHROME2.

It must not know any file format, nor what the image shows.
"""
