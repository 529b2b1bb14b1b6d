"""Arrivals made of nothing but a name, for tests that decode no file."""

import hashlib

from db.instances.arrivals import Arrival, SourceFile
from pipeline.values.reading import unidentified_instance


def arrival(name: str) -> Arrival:
    digest = hashlib.sha256(name.encode()).hexdigest()
    source = SourceFile(f"/inbox/{name}".encode(), size=1, mtime_ns=1, inode=1)
    return Arrival(source, unidentified_instance(digest), None)
