"""The schema: tables, migrations, roles, and the event log that every change is written to.

It must not know why a row changes.
"""
