"""Measures the database at a size.

It must not read a radiograph.
"""
