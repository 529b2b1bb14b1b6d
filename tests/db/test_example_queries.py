"""Every query in docs/queries gives what it says, on the database it is meant for."""

from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, text

from db.worklist.feedback import give_feedback
from pipeline.codes import FeedbackComment, FeedbackVerdict, Flag, ReasonCode
from tests.db.site import GREY, NEGATIVE, POSITIVE, Site, make_instance

QUERIES = Path(__file__).parents[2] / "docs" / "queries"


@pytest.fixture
def site(site: Site) -> Site:
    """A morning: three children at two stations, one lateral film, one adult."""
    for number, (probability, station, flags) in enumerate(
        [
            (POSITIVE, "BUCKY-1", {Flag.AGE_UNKNOWN}),
            (NEGATIVE, "BUCKY-1", set()),
            (GREY, "MOBILE", {Flag.AGE_UNKNOWN, Flag.VIEW_UNKNOWN}),
        ],
        1,
    ):
        acquired = time(7, 60 - 10 * number)
        site.receive(
            make_instance(
                str(number),
                study=str(number),
                accession_number=f"A-{number}",
                station_name=station,
                study_date=date(2026, 3, 1),
                study_time=acquired,
                patient_age_years=float(number),
            )
        )
        site.wait(60)
        (claim,) = site.claim()
        site.record(site.screened(claim, probability, flags=frozenset(flags)))
    for content, age, reason in (
        ("4", 0.5, ReasonCode.VIEW_NOT_FRONTAL),
        ("5", 45.0, ReasonCode.AGE_OUT_OF_SCOPE),
    ):
        site.receive(
            make_instance(content, study=content, station_name="MOBILE", patient_age_years=age),
            reason=reason,
        )
        site.wait(60)
    return site


def run(site: Site, name: str, **parameters: object) -> list[Row[Any]]:
    with site.reading() as session:
        if site.engine.dialect.name == "postgresql":
            session.execute(text("SET LOCAL TIME ZONE 'UTC'"))
        statement = text((QUERIES / f"{name}.sql").read_text())
        return list(session.execute(statement, parameters))


def test_next_to_read(site: Site) -> None:
    site.acknowledge("1")
    uids = [row.study_instance_uid[-1] for row in run(site, "next_to_read")]
    assert uids == ["3", "2", "4", "5"]


def test_by_accession_number(site: Site) -> None:
    (row,) = run(site, "by_accession_number", accession_number="A-3")
    assert (row.study_instance_uid[-1], row.status, row.priority) == ("3", "SCREENED", "HIGH")


def test_waiting_now(site: Site) -> None:
    rows = run(site, "waiting_now")
    assert [(row.effective_priority_rank, row.studies) for row in rows] == [
        (10, 1),
        (20, 1),
        (50, 3),
    ]


def test_needs_a_person(site: Site) -> None:
    rows = run(site, "needs_a_person")
    assert [row.reason_codes for row in rows] == ["VIEW_NOT_FRONTAL", "AGE_OUT_OF_SCOPE"]


def test_agreement(site: Site) -> None:
    with site.writing() as session:
        for verdict, comment in (
            (FeedbackVerdict.AGREE, None),
            (FeedbackVerdict.DISAGREE, FeedbackComment.FALSE_POSITIVE),
        ):
            give_feedback(
                session, "1.2.1.1", verdict, by="reader:a", now=site.now, comment_code=comment
            )
    assert run(site, "agreement") == [
        ("2026.1", "AGREE", None, 1),
        ("2026.1", "DISAGREE", "FALSE_POSITIVE", 1),
    ]


on_postgres = pytest.mark.parametrize(
    "engine", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)


@on_postgres
def test_turnaround(site: Site) -> None:
    site.wait(600 - 300)
    site.acknowledge("1")
    stat = run(site, "turnaround")[-2]
    assert (stat.day, stat.priority, stat.studies) == (date(2026, 3, 1), "STAT", 1)
    assert stat.acquired_to_received_min == [10, 10]
    assert stat.received_to_screened_min == [1, 1]
    assert stat.received_to_acknowledged_max_min == 10


@on_postgres
def test_drift_of_scores(site: Site) -> None:
    first, second = run(site, "drift_of_scores")
    assert (first.station_name, first.studies, first.positive_share) == ("BUCKY-1", 2, 0.5)
    assert first.quartiles == pytest.approx([0.3, 0.5, 0.7])
    assert (second.station_name, second.indeterminate_share) == ("MOBILE", 1)
    assert first.week.replace(tzinfo=None) == datetime(2026, 2, 23)  # noqa: DTZ001 - as text


@on_postgres
def test_drift_of_flags(site: Site) -> None:
    rows = run(site, "drift_of_flags")
    assert [(row.station_name, row.flag, row.share) for row in rows] == [
        ("BUCKY-1", "AGE_UNKNOWN", 0.5),
        ("MOBILE", "AGE_UNKNOWN", pytest.approx(1 / 3)),
        ("MOBILE", "VIEW_UNKNOWN", pytest.approx(1 / 3)),
    ]


@on_postgres
def test_mix_of_rejections(site: Site) -> None:
    assert run(site, "mix_of_rejections") == [
        ("MOBILE", "adult", "AGE_OUT_OF_SCOPE", 1),
        ("MOBILE", "under 1", "VIEW_NOT_FRONTAL", 1),
    ]


def test_each_query_has_its_test() -> None:
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert {path.stem for path in QUERIES.glob("*.sql")} <= tested
