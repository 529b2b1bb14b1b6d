"""Measures how fast, and how exactly, files are read.

It must not open a database.
"""
