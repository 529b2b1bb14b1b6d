"""Decides whether a content's SOP Instance UID already names another content.

This module must not know paths, nor store anything.
"""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.connection.chunks import in_chunks
from db.instances.arrivals import Arrival
from db.tables.imaging import InstanceRow
from pipeline.codes import InstanceState, ReasonCode
from pipeline.values.instance import Instance, Rejection

_BARS_NOBODY: Final = frozenset({InstanceState.QUARANTINED, InstanceState.FAILED})
_TAKEN_BACK: Final = frozenset({ReasonCode.SUPERSEDED, ReasonCode.WITHDRAWN})


def judge_conflicts(session: Session, arrivals: Iterable[Arrival]) -> dict[str, Rejection | None]:
    """Decide, for contents about to be taken up, whether their UID already names another.

    The first content stands, since a reader may have seen it; a later one is quarantined for a
    person to compare. What is damaged, lost or taken back bars nobody: the intact copy that is
    sent again after a broken transfer must be screened. Where the damage is only found after the
    copy has come, `db.instances.later_copies` sees to that.

    Returns
    -------
    dict
        By sha256: the conflict, or what the header said, or None for a worker to look.
    """
    found = {a.instance.sha256: (a.instance, a.rejection) for a in arrivals if a.instance}
    standing: dict[str, str] = {}
    for chunk in in_chunks(sorted({i.sop_instance_uid for i, _ in found.values()})):
        query = select(InstanceRow.sop_instance_uid, InstanceRow.sha256, InstanceRow.reason_code)
        for row in session.execute(
            query.where(
                InstanceRow.sop_instance_uid.in_(chunk),
                InstanceRow.state.not_in(_BARS_NOBODY),
            ).order_by(InstanceRow.instance_id.desc())
        ):
            if row.reason_code not in _TAKEN_BACK:
                standing[row.sop_instance_uid] = row.sha256
    verdicts: dict[str, Rejection | None] = {}
    for digest, (instance, rejection) in found.items():
        first = standing.get(instance.sop_instance_uid, digest)
        if first != digest:
            rejection = _conflict(instance, first)  # noqa: PLW2901 - it outweighs the header's
        verdicts[digest] = rejection
        if rejection is None or rejection.reason_code.state not in _BARS_NOBODY:
            standing.setdefault(instance.sop_instance_uid, digest)
    return verdicts


def _conflict(instance: Instance, first: str) -> Rejection:
    return Rejection(
        ReasonCode.SOP_INSTANCE_UID_CONFLICT,
        f"(0008,0018) SOP Instance UID {instance.sop_instance_uid} already names other content "
        f"(sha256 {first[:16]}); compare the two and withdraw one",
    )
