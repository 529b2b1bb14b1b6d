"""Composes the product: settings, watching, reading, screening, the command line.

Other rooms must not know this one.
"""
