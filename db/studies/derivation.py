"""Keeps each study's line of the worklist equal to what its instances say.

This module must not know what changed. Whoever changes an instance, an order or an
acknowledgement locks the study first and recomputes it last, in one transaction: study before
instance, in the order of their ids, so that no two writers wait for each other in a circle.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from db.connection.chunks import CHUNK, in_chunks
from db.connection.engine import write_session
from db.studies.results import read_results
from db.studies.state import (
    DESCRIPTION_NAMES,
    AcknowledgementFacts,
    Description,
    InstanceFacts,
    StudyState,
    summarise_study,
)
from db.tables.audit import AcknowledgementRow, OrderedPriorityRow
from db.tables.columns import join_words, split_words
from db.tables.imaging import InstanceRow, StudyRow
from pipeline.codes import Flag, Priority

# The columns of a study that are stored as `summarise_study` gives them.
_PLAIN_NAMES: Final = tuple(
    field.name
    for field in fields(StudyState)
    if field.name not in {"description", "reason_codes", "flags"}
)


def lock_studies(session: Session, study_ids: Collection[int]) -> None:
    """Keep other writers from these studies until the transaction ends.

    SQLite needs nothing: a writing transaction has the whole file to itself.
    """
    for chunk in in_chunks(sorted(set(study_ids))):
        session.execute(
            select(StudyRow.study_id)
            .where(StudyRow.study_id.in_(chunk))
            .order_by(StudyRow.study_id)
            .with_for_update(key_share=True)
        ).all()


def derive_new_studies(
    session: Session, studies: Mapping[str, Sequence[InstanceFacts]]
) -> list[dict[str, Any]]:
    """Give the rows of studies, by UID, that have no instances but these, for inserting.

    They are what `recompute_studies` would come to. To insert a row and update it in the same
    transaction costs PostgreSQL the row and its entry in every index twice.
    """
    orders = _load_orders(session, studies.values())
    return [
        {
            "study_instance_uid": uid,
            **_to_values(summarise_study(facts, ordered_priority=_find_order(facts, orders))),
        }
        for uid, facts in sorted(studies.items())
    ]


def recompute_studies(session: Session, study_ids: Collection[int]) -> list[int]:
    """Derive studies anew and store what differs.

    Returns
    -------
    list of int
        The ids of the studies whose stored line was different.
    """
    changed: list[int] = []
    for chunk in in_chunks(sorted(set(study_ids))):
        values = [
            {"study_id": study_id, **derived}
            for study_id, stored, derived in compare_studies(session, chunk)
            if stored != derived
        ]
        if values:
            session.execute(update(StudyRow), values)
        changed += [value["study_id"] for value in values]
    return changed


def rederive_studies(engine: Engine) -> int:
    """Recompute every study, a few hundred in each transaction; give how many were different."""
    changed, last = 0, 0
    while True:
        with write_session(engine) as session:
            query = select(StudyRow.study_id).where(StudyRow.study_id > last)
            study_ids = session.scalars(query.order_by(StudyRow.study_id).limit(CHUNK)).all()
            if not study_ids:
                return changed
            lock_studies(session, study_ids)
            changed += len(recompute_studies(session, study_ids))
            last = study_ids[-1]


def compare_studies(
    session: Session, study_ids: Sequence[int]
) -> Iterator[tuple[int, dict[str, Any], dict[str, Any]]]:
    """Give (study_id, stored values, derived values) for each study that has instances."""
    instances = _load_instances(session, study_ids)
    acknowledgements = _load_acknowledgements(session, study_ids)
    orders = _load_orders(session, instances.values())
    names = (*DESCRIPTION_NAMES, "reason_codes", "flags", *_PLAIN_NAMES)
    columns = [getattr(StudyRow, name) for name in names]
    query = select(StudyRow.study_id, *columns).where(StudyRow.study_id.in_(study_ids))
    for row in session.execute(query):
        facts = instances.get(row.study_id)
        if not facts:
            continue
        state = summarise_study(
            facts,
            acknowledgement=acknowledgements.get(row.study_id),
            ordered_priority=_find_order(facts, orders),
            escalated_at=row.escalated_at,
        )
        stored = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
        del stored["study_id"]
        yield row.study_id, stored, _to_values(state)


def _to_values(state: StudyState) -> dict[str, Any]:
    return {
        **{name: getattr(state.description, name) for name in DESCRIPTION_NAMES},
        "reason_codes": join_words(state.reason_codes),
        "flags": join_words(state.flags),
        **{name: getattr(state, name) for name in _PLAIN_NAMES},
    }


def _load_instances(
    session: Session, study_ids: Sequence[int]
) -> Mapping[int, list[InstanceFacts]]:
    results = read_results(session, InstanceRow.study_id.in_(study_ids))
    query = select(
        InstanceRow.study_id,
        InstanceRow.instance_id,
        InstanceRow.sha256,
        InstanceRow.sop_instance_uid,
        InstanceRow.state,
        InstanceRow.reason_code,
        InstanceRow.flags,
        InstanceRow.registered_at,
        InstanceRow.requested_procedure_priority,
        *(getattr(InstanceRow, name) for name in DESCRIPTION_NAMES),
    ).where(InstanceRow.study_id.in_(study_ids))
    instances: defaultdict[int, list[InstanceFacts]] = defaultdict(list)
    for row in session.execute(query):
        instances[row.study_id].append(
            InstanceFacts(
                instance_id=row.instance_id,
                sha256=row.sha256,
                sop_instance_uid=row.sop_instance_uid,
                state=row.state,
                reason_code=row.reason_code,
                flags=split_words(row.flags, Flag),
                registered_at=row.registered_at,
                description=Description(**{n: getattr(row, n) for n in DESCRIPTION_NAMES}),
                requested_procedure_priority=row.requested_procedure_priority,
                result=results.get(row.instance_id),
            )
        )
    return instances


def _load_acknowledgements(
    session: Session, study_ids: Sequence[int]
) -> Mapping[int, AcknowledgementFacts]:
    query = (
        select(AcknowledgementRow)
        .where(AcknowledgementRow.study_id.in_(study_ids))
        .order_by(AcknowledgementRow.acknowledgement_id)
    )
    return {
        row.study_id: AcknowledgementFacts(
            row.acknowledged_by, row.acknowledged_at, row.instances_seen
        )
        for row in session.scalars(query)
    }


def _load_orders(
    session: Session, studies: Iterable[Sequence[InstanceFacts]]
) -> Mapping[str | None, Priority]:
    accession_numbers = {
        each.description.accession_number
        for facts in studies
        for each in facts
        if each.description.accession_number is not None
    }
    query = select(OrderedPriorityRow.accession_number, OrderedPriorityRow.priority).order_by(
        OrderedPriorityRow.ordered_priority_id
    )
    return {
        row.accession_number: row.priority
        for chunk in in_chunks(sorted(accession_numbers))
        for row in session.execute(query.where(OrderedPriorityRow.accession_number.in_(chunk)))
    }


def _find_order(
    facts: Sequence[InstanceFacts], orders: Mapping[str | None, Priority]
) -> Priority | None:
    """Give the most urgent order for any of a study's instances."""
    return min(
        (
            orders[each.description.accession_number]
            for each in facts
            if each.description.accession_number in orders
        ),
        key=lambda priority: priority.rank,
        default=None,
    )
