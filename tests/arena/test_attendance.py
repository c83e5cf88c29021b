"""Workers that are there, and why a job waits that none of them can do."""

from __future__ import annotations

import pytest

from arena.attendance import Worker, attending, lacking, needs_words, workers_there
from arena.job_rows import Resources
from arena.jobs import submit
from arena.ledger import Ledger
from arena.worker_schema import workers

SMALL = Worker(name="small", devices=("cpu",), kinds=("ratings",), gives=Resources(cpus=2, memory_bytes=2**30))
GPU = Worker(name="gpu", devices=("cpu", "cuda"), kinds=("ratings", "train"), gives=Resources(cpus=1, gpus=1))
ANY = Worker(name="any", devices=("cpu",), kinds=("ratings",), gives=None)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    with Ledger.open(tmp_path_factory.mktemp("there") / "arena.db") as opened:
        yield opened


def test_workers_are_there_while_they_attend(ledger):
    with attending(ledger, lambda: [SMALL, ANY]):
        with attending(ledger, lambda: [GPU]):
            assert workers_there(ledger) == [ANY, GPU, SMALL]
        assert workers_there(ledger) == [ANY, SMALL]
    assert workers_there(ledger) == []


def test_a_worker_that_is_silent_is_not_there_and_forgotten_by_the_next(ledger):
    with attending(ledger, lambda: [SMALL]):
        with ledger.writing() as connection:
            connection.execute(workers.update().values(alive_at="2000-01-01T00:00:00.000Z"))
        assert workers_there(ledger) == []
        with attending(ledger, lambda: [GPU]), ledger.reading() as connection:
            assert [row.name for row in connection.execute(workers.select())] == ["gpu"]


@pytest.mark.parametrize(
    ("there", "asked", "said"),
    [
        ([], {}, "no worker is there: start arena worker, or arena serve"),
        ([SMALL], {}, ""),
        ([SMALL], {"kind": "train"}, "no worker that is there does jobs 'train'"),
        ([SMALL], {"device": "cuda"}, "no worker that is there computes on cuda"),
        ([SMALL, GPU], {"needs": Resources(cpus=8)}, "it needs 8 cores; the most that workers give is 2 cores"),
        ([SMALL, ANY], {"needs": Resources(cpus=8)}, ""),
        (
            [SMALL, GPU],
            {"needs": Resources(cpus=2, gpus=1)},
            "it needs 2 cores and 1 GPU, which no worker gives together",
        ),
    ],
)
def test_a_job_that_nobody_can_do_says_what_is_lacking(ledger, there, asked, said):
    row = submit(
        ledger, **{"kind": "ratings", "game": "matrix:rps", "settings": {"case": said + str(len(there))}} | asked
    )
    assert lacking(row, there).startswith(said)
    assert bool(lacking(row, there)) == bool(said)


def test_needs_are_said_in_words():
    assert needs_words(Resources()) == "1 core"
    assert needs_words(Resources(cpus=2, gpus=1, memory_bytes=16 * 2**30)) == "2 cores, 1 GPU and 16 GiB of memory"


def test_who_asks_and_who_lists_jobs_is_told_what_is_lacking(ledger, arena):
    place = str(ledger.url.database)
    asked = ("solve", "cfr", "openspiel:kuhn_poker", "--iterations", "1", "--submit", "--db", place)
    assert "no worker is there" in arena(*asked).out
    told = arena(*asked, "--json")
    assert told.err.startswith("job ")
    assert "waits: no worker is there" in told.err
    with attending(ledger, lambda: [GPU]):
        listed = arena("job", "list", "--db", place)
    assert "no worker that is there does jobs 'solve'" in " ".join(listed.out.split())
