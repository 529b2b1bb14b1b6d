"""The networks that can be trained, and their weights.

It must not know the data.
"""
