"""The worklist page, read-only over the database: a room reserved for it."""
