"""`signals_interrupt`: a polite end is an interruption, also where the first exception was lost."""

import os
import signal

import pytest

from arena.interruption import signals_interrupt


def test_an_interruption_that_was_lost_is_raised_again_when_asked_for():
    before = signal.getsignal(signal.SIGTERM)
    with signals_interrupt() as again:
        again()  # nobody asked yet
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            again()
    assert signal.getsignal(signal.SIGTERM) is before
