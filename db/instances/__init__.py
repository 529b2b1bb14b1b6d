"""Registers what arrived: source files, instances, and copies with one SOP Instance UID.

It must not know how a file is found or read, nor who screens it.
"""
