"""Which state an instance goes to, and the column values that belong to each state.

This module must not know who asks for a change.
"""

from datetime import datetime
from typing import Any

from db.tables.columns import EPOCH
from pipeline.codes import InstanceState
from pipeline.values.instance import Rejection


def registered(claimable_at: datetime = EPOCH) -> dict[str, Any]:
    """Give the values of an instance that waits for a worker, from the start or once more."""
    return {
        "state": InstanceState.REGISTERED,
        "reason_code": None,
        "detail": None,
        "lease_token": None,
        "claimable_at": claimable_at,
    }


def screened() -> dict[str, Any]:
    """Give the values of an instance that has its screening."""
    return {**registered(), "state": InstanceState.SCREENED, "claimable_at": None}


def rejected(rejection: Rejection, *, has_screening: bool) -> dict[str, Any]:
    """Give the values of an instance that was refused.

    A file that has been screened and now cannot be read, or kills its reader, is no less ill: the
    earlier screening stands and the reason is noted beside it. Only a verdict about what the
    radiograph *is* (NOT_ELIGIBLE) takes a screening back.
    """
    state = rejection.reason_code.state
    if has_screening and state is not InstanceState.NOT_ELIGIBLE:
        state = InstanceState.SCREENED
    return {
        "state": state,
        "reason_code": rejection.reason_code,
        "detail": rejection.detail,
        "lease_token": None,
        "claimable_at": None,
    }
