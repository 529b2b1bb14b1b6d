"""Gives every file that arrived its rows: the path, the content, the study it belongs to.

This module must not know how a file is found or read. Registering again changes nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.instances.arrivals import Arrival, SourceFile
from db.instances.duplicates import judge_conflicts
from db.instances.source_files import (
    StoredSource,
    find_held_elsewhere,
    find_unregistered,
    load_sources,
    store_sources,
)
from db.instances.stored_instances import (
    displace_content,
    find_contents,
    find_study_ids,
    insert_contents,
    is_revivable,
    load_contents,
    revive_content,
)
from db.studies.derivation import lock_studies, recompute_studies
from db.tables.events import Event, log_events
from pipeline.codes import Lane

__all__ = ["Arrival", "SourceFile", "find_unregistered", "register_arrivals"]

ACTOR: Final = "registration"
_ADVISORY_LOCK: Final = 0x504E4555  # any number that no other program on the server uses


def register_arrivals(
    session: Session, arrivals: Sequence[Arrival], now: datetime, lane: Lane
) -> None:
    """Register what was found, and bring the worklist up to date, in the caller's transaction.

    New content is claimable at once, or terminal where its header was enough to refuse it. The
    same bytes at another path are another source of the same instance. The same SOP Instance UID
    with other bytes is quarantined for a person to see. Content that could not be had before is
    taken up again.

    Parameters
    ----------
    arrivals
        In any order; of two with one path the later counts. A few hundred at a time keep the
        transaction short.
    now
        Aware; when the studies of new instances were received.
    lane
        Of new instances.
    """
    by_path = {arrival.source.path: arrival for arrival in arrivals}
    ordered = [by_path[path] for path in sorted(by_path)]
    if not ordered:
        return
    queue_registrations(session)
    stored = load_sources(session, by_path)
    digests: dict[str, Arrival] = {}
    for arrival in ordered:
        if arrival.instance is not None:  # the first path of a content speaks for it
            digests.setdefault(arrival.instance.sha256, arrival)
    leaving = _find_leaving(session, ordered, stored)
    found = find_contents(session, digests, leaving)
    studies = find_study_ids(
        session, {a.instance.study_instance_uid for a in digests.values() if a.instance}
    )
    lock_studies(session, {*found.values(), *studies.values()})
    known = load_contents(session, (), found)
    events: list[Event | None] = [
        displace_content(session, content, leaving[content.instance_id])
        for content in known
        if content.instance_id in leaving and content.sha256 not in digests
    ]
    instance_ids = {content.sha256: content.instance_id for content in known}
    revivable = {c.sha256: c for c in known if c.sha256 in digests and is_revivable(c)}
    verdicts = judge_conflicts(
        session, [a for d, a in digests.items() if d not in instance_ids or d in revivable]
    )
    events += [revive_content(session, c, verdicts[digest]) for digest, c in revivable.items()]
    new = [
        (arrival.instance, verdicts[digest])
        for digest, arrival in digests.items()
        if arrival.instance is not None and digest not in instance_ids
    ]
    inserted = insert_contents(session, new, studies, lane, now)
    store_sources(session, ordered, stored, {**instance_ids, **inserted.instance_ids}, now)
    happened = [event for event in (*events, *inserted.events) if event is not None]
    log_events(session, happened, actor=ACTOR, now=now)
    recompute_studies(session, {event.study_id for event in happened} - inserted.new_studies)


def queue_registrations(session: Session) -> None:
    """Let one registration at a time decide what is new; claims and results are not held up."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_ADVISORY_LOCK)))


def _find_leaving(
    session: Session, arrivals: Sequence[Arrival], stored: Mapping[bytes, StoredSource]
) -> dict[int, Arrival]:
    """Give the instances whose every source is among these arrivals, with the last of those.

    Whether the content really differs is for the caller to see.
    """
    moving = {stored[a.source.path].source_file_id: a for a in arrivals if a.source.path in stored}
    by_instance = {
        source.instance_id: arrival
        for arrival in arrivals
        if (source := stored.get(arrival.source.path)) is not None
        and source.instance_id is not None
    }
    held = find_held_elsewhere(session, by_instance, moving)
    return {i: arrival for i, arrival in by_instance.items() if i not in held}
