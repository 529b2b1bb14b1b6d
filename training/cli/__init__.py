"""The command line of training: one command a step, from datasets to a release.

It must not compute anything itself.
"""
