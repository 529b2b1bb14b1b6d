"""Finds the part of a radiograph to keep, and resamples it to the network's input.

It must not know any file format or network.
"""
