"""The schema: tables, migrations, roles, and the event log.

It must not know why a row changes.
"""
