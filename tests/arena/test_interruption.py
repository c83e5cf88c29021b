"""`signals_interrupt`: a polite end is an interruption, also where the first exception was lost."""

import os
import signal

import pytest

from arena.interruption import is_asked_to_end, signals_interrupt
from arena.job_work import carry_out, claim
from arena.jobs import job, submit
from arena.ledger import Ledger


def test_an_interruption_that_was_lost_is_raised_again_when_asked_for():
    before = signal.getsignal(signal.SIGTERM)
    with signals_interrupt() as again:
        again()  # nobody asked yet
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            again()
    assert signal.getsignal(signal.SIGTERM) is before
    assert not is_asked_to_end()


def test_a_job_that_fails_because_its_worker_is_asked_to_end_is_no_failure(tmp_path):
    def work(row, progress):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt:  # as a compiler does, which is then left half done
            raise RuntimeError("no compiled object yet") from None

    with Ledger.open(tmp_path / "arena.db") as ledger:
        submit(ledger, kind="exploit", game="g")
        row = claim(ledger, {"cpu": "here"})
        with signals_interrupt(), pytest.raises(KeyboardInterrupt):
            carry_out(ledger, row, work)
        assert job(ledger, row.key).status == "waiting"
