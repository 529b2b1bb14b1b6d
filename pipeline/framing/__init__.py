"""Finds the part of a radiograph to keep, and resamples it to the network's input.

It must not know a file format, nor any network.
"""
