"""The command line of training: one command per step, from the datasets to a measured release.

It must not compute anything itself.
"""
