"""Gives every file that arrived its rows: the source file, the instance, the study it belongs to.

This module must not know how a file is found or read. Registering again changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from db.connection.dialect import lock_registration
from db.instances.arrivals import Arrival
from db.instances.duplicates import judge_conflicts
from db.instances.new_instances import find_study_ids, insert_instances
from db.instances.source_files import (
    StoredSource,
    find_held_elsewhere,
    load_sources,
    store_sources,
)
from db.instances.states import StateChange, write_states
from db.instances.stored_instances import (
    StoredInstance,
    displace,
    find_studies_of,
    lock_instances,
    revive,
)
from db.studies.derivation import lock_studies, recompute_studies
from db.tables.events import log_events
from pipeline.codes import Lane
from pipeline.values.instance import Instance, Rejection

ACTOR: Final = "registration"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a registration writes.

    Attributes
    ----------
    changes
        Of instances that are stored: their file is back, or holds another content now.
    new
        Instances to insert, each with the reason why no worker needs to look, if there is one.
    known_studies
        Ids of the studies that are stored, by UID.
    known_instances
        Ids of the instances that are stored, by sha256.
    """

    changes: Sequence[StateChange]
    new: Sequence[tuple[Instance, Rejection | None]]
    known_studies: Mapping[str, int]
    known_instances: Mapping[str, int]


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
    lock_registration(session)
    stored = load_sources(session, by_path)
    plan = _plan(session, ordered, stored)
    events = write_states(session, plan.changes)
    inserted = insert_instances(session, plan.new, plan.known_studies, lane, now)
    instance_ids = {**plan.known_instances, **inserted.instance_ids}
    store_sources(session, ordered, stored, instance_ids, now)
    events += inserted.events
    log_events(session, events, actor=ACTOR, now=now)
    recompute_studies(session, {event.study_id for event in events} - inserted.new_studies)


def _plan(
    session: Session, arrivals: Sequence[Arrival], stored: Mapping[bytes, StoredSource]
) -> Plan:
    """Decide what to write, with every study and instance that it concerns locked."""
    arrived: dict[str, Arrival] = {}
    for arrival in arrivals:
        if arrival.instance is not None:  # the first path of a content speaks for it
            arrived.setdefault(arrival.instance.sha256, arrival)
    leaving = _find_leaving(session, arrivals, stored)
    known_studies = find_study_ids(
        session, {a.instance.study_instance_uid for a in arrived.values() if a.instance}
    )
    found = find_studies_of(session, arrived, leaving)
    lock_studies(session, {*found.values(), *known_studies.values()})
    known = lock_instances(session, (), found)
    known_instances = {instance.sha256: instance.instance_id for instance in known}
    revivable = {i.sha256: i for i in known if i.sha256 in arrived and i.is_revivable}
    displaced = _displace(known, arrived, leaving)
    conflicts = judge_conflicts(
        session,
        [a for d, a in arrived.items() if d not in known_instances or d in revivable],
        given_up=[i.sha256 for i, change in displaced if not change.to.reserves_uid],
    )
    return Plan(
        changes=[
            *(change for _, change in displaced),
            *(revive(instance, conflicts[digest]) for digest, instance in revivable.items()),
        ],
        new=[
            (arrival.instance, conflicts[digest])
            for digest, arrival in arrived.items()
            if arrival.instance is not None and digest not in known_instances
        ],
        known_studies=known_studies,
        known_instances=known_instances,
    )


def _displace(
    known: Sequence[StoredInstance],
    arrived: Mapping[str, Arrival],
    leaving: Mapping[int, Arrival],
) -> list[tuple[StoredInstance, StateChange]]:
    """Give the instances that change because no file holds their content any more."""
    return [
        (instance, change)
        for instance in known
        if instance.instance_id in leaving
        and instance.sha256 not in arrived
        and (change := displace(instance, leaving[instance.instance_id])) is not None
    ]


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
