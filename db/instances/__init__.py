"""Registers what arrived: source files, instances, and copies of an instance.

It must not know how a file is found or read, nor who screens it.
"""
