"""Upgrades, checks and archives a whole database.

It must not be needed by the walk of a radiograph.
"""
