"""Reader processes: the box in which untrusted files are opened, with limits of memory and time.

It must not know a database, nor what becomes of a result.
"""
