"""Finds files in the ingest folders, waits until they are complete, and registers them.

It must not know pixels or the network.
"""
