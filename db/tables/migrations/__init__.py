"""The schema's history, one file a revision; `db.upkeep.upgrade` runs it."""
