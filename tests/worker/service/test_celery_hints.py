import signal

import pytest

import worker.service.celery_app
from pipeline.codes import Lane
from tests.servers import RedisServer
from tests.worker.fakes import FakeClock
from worker.service.celery_app import create_app
from worker.service.celery_hints import CeleryHints
from worker.settings import Settings, SettingsError


def hints_to(redis: RedisServer, clock: FakeClock) -> CeleryHints:
    return CeleryHints(create_app(Settings(broker_url=redis.url)), clock, batch_size=10)


def waiting(redis: RedisServer, queue: str) -> int:
    with redis.client() as client:
        return int(client.llen(queue))  # type: ignore[arg-type]


def test_without_a_broker_the_mend_is_named() -> None:
    with pytest.raises(SettingsError, match="PNEUMOSCREEN_BROKER_URL"):
        create_app(Settings())


def test_as_many_hints_wait_as_batches_do_and_no_more(redis: RedisServer, clock: FakeClock) -> None:
    hints = hints_to(redis, clock)
    assert hints.send(Lane.URGENT, 25) == 3
    assert hints.send(Lane.URGENT, 40) == 1
    assert hints.send(Lane.BACKFILL, 100_000) == 32
    assert hints.send(Lane.BACKFILL, 0) == 0
    assert (waiting(redis, "urgent"), waiting(redis, "backfill")) == (4, 32)
    hints.close()


def test_a_hint_carries_nothing_of_a_patient_or_a_file(
    redis: RedisServer, clock: FakeClock
) -> None:
    hints = hints_to(redis, clock)
    hints.send(Lane.URGENT, 1)
    with redis.client() as client:
        message = client.lindex("urgent", 0)
    assert isinstance(message, bytes)
    assert b"W1tdLCB7fSw" in message  # base64 of '[[], {},': no arguments at all
    hints.close()


def test_a_broker_that_is_away_or_hangs_holds_nobody_up(
    redis: RedisServer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker.service.celery_app, "_SOCKET_TIMEOUT_S", 2.0)
    hints = hints_to(redis, clock)
    assert hints.send(Lane.URGENT, 1) == 1
    redis.send_signal(signal.SIGSTOP)
    assert hints.send(Lane.URGENT, 99) == 0  # or it would still be waiting
    with monkeypatch.context() as patched:
        patched.setattr(hints, "_send", lambda *_: pytest.fail("it is left alone for a while"))
        assert hints.send(Lane.URGENT, 99) == 0
    redis.send_signal(signal.SIGCONT)
    clock.elapsed_s += 20
    assert hints.send(Lane.URGENT, 99) == 9
    redis.kill()
    assert hints.send(Lane.URGENT, 999) == 0
    hints.close()
