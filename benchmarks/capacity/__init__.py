"""Writes the tables and charts of docs/capacity.md from measured figures.

It must not measure anything.
"""
