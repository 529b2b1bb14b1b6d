"""Measures the database at growing sizes.

It must not read a radiograph.
"""
