"""From a cohort of labelled radiographs to a measured model release.

This room must not know the database or the worker.
"""
