"""Measures the speed and the accuracy of reading files.

It must not open a database.
"""
