"""Writes docs/capacity.md, with its figures, from what was measured.

It must not measure anything.
"""
