"""Copies: contents whose SOP Instance UID names another content already.

The first content stands, since a reader may have seen it; a later one is quarantined, and takes
its place when the first one turns out damaged, lost or withdrawn. This module must not know paths.
"""

from collections.abc import Collection, Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.connection.chunks import in_chunks
from db.instances.arrivals import Arrival
from db.instances.states import reserves_uid, write_states
from db.instances.stored_instances import lock_instances, queue_again
from db.tables.events import Event
from db.tables.imaging import InstanceRow
from pipeline.codes import InstanceState, ReasonCode
from pipeline.values.instance import Instance, Rejection


def judge_conflicts(
    session: Session, arrivals: Iterable[Arrival], given_up: Collection[str] = ()
) -> dict[str, Rejection | None]:
    """Decide, for contents about to be registered, whether their UID already names another.

    A content that is damaged, lost or withdrawn does not keep its UID: the intact copy that is
    sent again after a broken transfer must be screened. Where the damage is found only after the
    copy has come, `queue_copies` sends the copy to the workers.

    Parameters
    ----------
    given_up
        Contents, by sha256, that keep their UID no longer, as the same registration will write.

    Returns
    -------
    dict
        By sha256: the conflict, or what the header said, or None for a worker to look.
    """
    found = {a.instance.sha256: (a.instance, a.rejection) for a in arrivals if a.instance}
    uids = {instance.sop_instance_uid for instance, _ in found.values()}
    first = _find_first_contents(session, uids, given_up)
    verdicts: dict[str, Rejection | None] = {}
    for digest, (instance, rejection) in found.items():
        known = first.get(instance.sop_instance_uid, digest)
        # A conflict outweighs what the header said.
        verdict = rejection if known == digest else _conflict(instance, known)
        verdicts[digest] = verdict
        if verdict is None or verdict.reason_code.state.reserves_sop_instance_uid:
            first.setdefault(instance.sop_instance_uid, digest)
    return verdicts


def find_copies(session: Session, uids: Iterable[str]) -> dict[str, int]:
    """Give, for each UID, the first copy that is quarantined: its study's id by its sha256."""
    first: dict[str, tuple[str, int]] = {}
    for chunk in in_chunks(sorted(set(uids))):
        query = (
            select(InstanceRow.sop_instance_uid, InstanceRow.sha256, InstanceRow.study_id)
            .where(
                InstanceRow.sop_instance_uid.in_(chunk),
                InstanceRow.state == InstanceState.QUARANTINED,
                InstanceRow.reason_code == ReasonCode.SOP_INSTANCE_UID_CONFLICT,
            )
            .order_by(InstanceRow.instance_id)
        )
        for row in session.execute(query):
            first.setdefault(row.sop_instance_uid, (row.sha256, row.study_id))
    return dict(first.values())


def queue_copies(session: Session, digests: Collection[str]) -> list[Event]:
    """Send copies that were quarantined to the workers; their studies are locked already."""
    return write_states(session, map(queue_again, lock_instances(session, digests, ())))


def _find_first_contents(
    session: Session, uids: Collection[str], given_up: Collection[str]
) -> dict[str, str]:
    """Give the sha256 of the first content that keeps each UID."""
    query = select(
        InstanceRow.sop_instance_uid,
        InstanceRow.sha256,
        InstanceRow.state,
        InstanceRow.reason_code,
    ).order_by(InstanceRow.instance_id)
    first: dict[str, str] = {}
    for chunk in in_chunks(sorted(uids)):
        for row in session.execute(query.where(InstanceRow.sop_instance_uid.in_(chunk))):
            if reserves_uid(row.state, row.reason_code) and row.sha256 not in given_up:
                first.setdefault(row.sop_instance_uid, row.sha256)
    return first


def _conflict(instance: Instance, first: str) -> Rejection:
    return Rejection(
        ReasonCode.SOP_INSTANCE_UID_CONFLICT,
        f"(0008,0018) SOP Instance UID {instance.sop_instance_uid} already names other content "
        f"(sha256 {first[:16]}); compare the two and withdraw one",
    )
