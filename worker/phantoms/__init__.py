"""Draws and writes synthetic studies for the demonstration and the tests.

It must not read a file, and holds nothing of any patient.
"""
