"""Opens SQLite or PostgreSQL, and says in one line what went wrong with either.

It must not know any table.
"""
