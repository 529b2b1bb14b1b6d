"""The schema's history, one file a revision; `db.schema` runs it."""
