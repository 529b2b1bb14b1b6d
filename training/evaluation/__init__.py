"""Measures trained networks and writes what was measured as tables, figures and pages.

It must not change a network.
"""
