"""The worklist page, over the database: a room reserved for it.

It must not know how a radiograph is read or screened.
"""
