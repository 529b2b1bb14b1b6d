import hashlib

import pytest

from pipeline.codes import Flag, ReasonCode
from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.framing.preprocessing import Preprocessing
from pipeline.reading import read_model_input
from pipeline.values.reading import ReadingLimits
from worker.phantoms.studies import write_phantoms


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    return write_phantoms(tmp_path_factory.mktemp("phantoms"), seed=7)


def read(path):
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return read_model_input(path, sha256, ReadingLimits(), EligibilityPolicy(), Preprocessing())


def test_every_phantom_becomes_what_it_says(phantoms):
    outcomes = {phantom.path.name: read(phantom.path).rejection for phantom in phantoms}
    assert {name: outcome and outcome.reason_code for name, outcome in outcomes.items()} == {
        phantom.path.name: phantom.rejection for phantom in phantoms
    }


def test_the_set_holds_what_a_department_sends(phantoms):
    readings = {phantom.path.name: read(phantom.path) for phantom in phantoms}
    syntaxes = {
        reading.instance.transfer_syntax_uid for reading in readings.values() if reading.model_input
    }
    assert len(syntaxes - {None}) == 9
    assert {phantom.rejection for phantom in phantoms} >= {
        None,
        ReasonCode.VIEW_NOT_FRONTAL,
        ReasonCode.SOP_CLASS_NOT_RADIOGRAPH,
        ReasonCode.AGE_OUT_OF_SCOPE,
        ReasonCode.PIXEL_DATA_TRUNCATED,
        ReasonCode.NOT_AN_IMAGE,
    }
    assert Flag.NO_IDENTITY in readings["no-identity.png"].instance.flags
    assert Flag.NO_IDENTITY not in readings["with-sidecar.png"].instance.flags
    studies = [reading.instance.study_instance_uid for reading in readings.values()]
    assert len(set(studies)) == len(studies)


def test_equal_seeds_give_equal_files(phantoms, tmp_path):
    again = write_phantoms(tmp_path, seed=7)
    assert [phantom.path.read_bytes() for phantom in again] == [
        phantom.path.read_bytes() for phantom in phantoms
    ]
