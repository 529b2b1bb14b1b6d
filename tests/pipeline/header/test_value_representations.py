from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.header.value_representations import clean_text, parse_age, parse_date, parse_time


@pytest.mark.parametrize(
    ("text", "years"),
    [("003Y", 3.0), ("018M", 1.5), ("000D", 0.0), ("77", 77.0), ("9y", 9.0), ("018Y", 18.0)],
)
def test_reads_age_strings_exactly(text, years):
    assert parse_age(text) == years


@pytest.mark.parametrize("text", [None, "", "ABC", "3.5Y", "-03Y", "1234Y", "003X"])
def test_takes_a_malformed_age_for_unknown(text):
    assert parse_age(text) is None


def test_reads_dates_of_all_generations():
    expected = date(2024, 1, 31)
    assert {parse_date(t) for t in ("20240131", "2024.01.31", "2024-01-31")} == {expected}
    assert parse_date("20240231") is None
    assert parse_date("d14a028c2a3a2bc9") is None


def test_reads_partial_times():
    assert parse_time("09") == time(9)
    assert parse_time("0930") == time(9, 30)
    assert parse_time("093015.25") == time(9, 30, 15, 250_000)
    assert parse_time("2500") is None


@given(st.text(max_size=600))
def test_cleaned_text_is_one_bounded_printable_line(text):
    cleaned = clean_text(text)
    assert len(cleaned) <= 256
    assert cleaned.isprintable()
    assert clean_text(cleaned) == cleaned.strip()
