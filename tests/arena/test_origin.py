"""What comes from elsewhere plays in a process of its own, in the tier that is demanded, and never in a lower one unseen."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from arena import columns, origin
from arena.agents.confined_process import ConfinedProcess
from arena.agents.exploiter_file import exploiter_of, to_bytes
from arena.agents.sandbox import SandboxUnavailable
from arena.config import make_config
from arena.exploit import exploit
from arena.games import AgentCrashed, SpecificationError, TabularPolicy, UnknownName
from arena.ledger import AgentVersion, Ledger
from arena.ledger_schema import tournaments
from arena.luggage import pack, travels, unpack
from arena.merge import merge
from arena.origin import demanded, demanded_tier, is_confined, is_from_elsewhere
from arena.roster import add_agent, playable
from arena.server.standings_cache import StandingsCache
from arena.solvers import save_policy
from arena.source_facts import match_record
from arena.standings import standings
from arena.tournament import create_tournament, resume_tournament, run_tournament
from arena.uploads import add_upload
from tests.confined_here import serve_here

KUHN = "openspiel:kuhn_poker"
BETS = TabularPolicy(KUHN, {"0": {0: 0.25, 1: 0.75}, "1": {1: 1.0}})
CUP = {"name": "cup", "game": KUHN, "agents": ["theirs", "mine", "random"], "matches": 6, "seed": 1}


@pytest.fixture(autouse=True)
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No process is started, and every tier holds."""
    serve_here(monkeypatch)
    monkeypatch.setattr("arena.agents.confined_process.require_tier", lambda *_: None)
    monkeypatch.setattr("arena.agents.confined_process.confined", lambda *_: _Run())
    monkeypatch.setattr(origin, "require_tier", lambda *_: None)
    monkeypatch.setattr(origin, "tier_version", "{} (1.0)".format)
    monkeypatch.chdir(tmp_path)
    save_policy(BETS, tmp_path / "bets.npz")


class _Run:
    command, rules, environment = (), "", None


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "arena.db") as opened:
        yield opened


def sent(ledger: Ledger, name: str = "theirs") -> AgentVersion:
    return add_upload(ledger, name, Path("bets.npz").read_bytes(), file_name="bets.npz", game=KUHN, account="ann")


def mine(ledger: Ledger, name: str = "mine") -> AgentVersion:
    return add_agent(ledger, ledger.artifacts, name=name, specification="policy:bets.npz")


def only(*held: str):
    """`require_tier` of a machine with these tiers."""

    def require(tier: str) -> None:
        if tier not in held:
            raise SandboxUnavailable(f"no {tier}")

    return require


def test_an_upload_is_confined_and_what_was_registered_here_is_not(ledger):
    assert playable(sent(ledger), ledger).startswith("confined:bubblewrap:policy:/")
    assert playable(mine(ledger), ledger).startswith("policy:/")


def test_an_upload_plays_as_ones_own_does_and_its_matches_tell_the_tier(ledger, tmp_path):
    sent(ledger), mine(ledger)
    own = {**CUP, "name": "own", "agents": {"theirs": "policy:bets.npz", "mine": "mine", "random": "random"}}
    with Ledger.open(tmp_path / "own.db") as other:
        mine(other)
        expected = other.results(run_tournament(make_config(own), other))
    cup = run_tournament(make_config(CUP), ledger)
    assert ledger.results(cup).equals(expected)
    tier = "bubblewrap (1.0)"
    assert cup.versions["uploads"] == f"{tier}; agent 1"
    told = [match_record(ledger, cup, number).to_dict() for number in range(6)]
    assert [one.get("confined") for one in told] == [
        {"theirs@1": tier} if "theirs@1" in one["agents"] else None for one in told
    ]


def test_who_asks_for_a_tier_that_is_not_there_is_refused(ledger, monkeypatch):
    sent(ledger), mine(ledger)
    monkeypatch.setattr(origin, "require_tier", only("limits"))
    with demanded("bubblewrap"):
        for refused in (lambda: sent(ledger, "more"), lambda: create_tournament(make_config(CUP), ledger)):
            with pytest.raises(SandboxUnavailable, match=r"play in 'bubblewrap' here .* does not hold: no bubblewrap"):
                refused()
    assert (ledger.tournaments(), [one.name for one in ledger.agents()]) == ([], ["mine", "theirs"])


def test_the_best_tier_is_the_first_that_holds_and_no_lower_one_than_limits(monkeypatch):
    for held, expected in ((("bubblewrap", "limits"), "bubblewrap"), (("limits",), "limits")):
        monkeypatch.setattr(origin, "require_tier", only(*held))
        assert demanded_tier() == expected
    monkeypatch.setattr(origin, "require_tier", only())
    with pytest.raises(SandboxUnavailable, match="no limits"):
        demanded_tier()


def test_what_is_demanded_is_said_by_the_environment_and_a_servers_setting_goes_before(monkeypatch):
    monkeypatch.setenv(origin.VARIABLE, "limits")
    with demanded(None):
        assert demanded_tier() == "limits"
    with demanded("bubblewrap"):
        assert demanded_tier() == "bubblewrap"
    assert demanded_tier() == "limits"
    monkeypatch.setenv(origin.VARIABLE, "strong")
    with pytest.raises(UnknownName, match="tier in ARENA_UPLOADS_SANDBOX 'strong'"), demanded(None):
        pass


def test_a_tournament_goes_on_in_the_tier_in_which_it_began_or_not_at_all(ledger):
    sent(ledger), mine(ledger)
    with demanded("limits"):
        cup = create_tournament(make_config(CUP), ledger)
    assert origin.tiers(cup) == ["limits", None, None]
    with demanded("bubblewrap"), pytest.raises(SpecificationError, match="began with theirs@1 in the tier 'limits'"):
        resume_tournament(cup.key, ledger)
    with demanded("none"):
        assert resume_tournament(cup.key, ledger).status == "finished"


def test_one_that_began_before_anything_was_confined_goes_on_only_where_no_more_is_demanded(ledger):
    sent(ledger), mine(ledger)
    whole = ledger.results(run_tournament(make_config(CUP), ledger))
    cup = create_tournament(make_config({**CUP, "name": "old"}), ledger)
    with ledger.writing() as connection:
        versions = {key: value for key, value in cup.versions.items() if key != "uploads"}
        connection.execute(tournaments.update().where(tournaments.c.id == cup.id).values(versions=versions))
    with pytest.raises(
        SpecificationError, match=r"in the engine's own process.*begin a new .*ARENA_UPLOADS_SANDBOX=none"
    ):
        resume_tournament(cup.key, ledger)
    with demanded("none"):
        assert origin.tiers(ledger.tournament(cup.key)) == ["none", None, None]
        done = resume_tournament(cup.key, ledger)
    assert ledger.results(done).returns.tolist() == whole.returns.tolist()
    assert origin.recorded_tiers(done) == {}  # and nothing is claimed of it


def test_what_is_merged_is_confined_whatever_its_lineage_says(ledger, tmp_path):
    with Ledger.open(tmp_path / "other.db") as other:
        mine(other, "far"), mine(other)
        mine(ledger)
        merge(ledger, other)
    assert is_confined(ledger.agent("far"))
    assert not is_from_elsewhere(ledger.agent("mine"))  # it was here before


def test_a_search_from_elsewhere_is_bounded(ledger):
    text = "mcts(simulations=1000000)"
    for lineage, name in (({}, "own"), ({"merged": "from another ledger"}, "far")):
        ledger.add_agent(name, specification=text, kind="mcts", lineage=lineage)
    assert playable(ledger.agent("own"), ledger) == text
    with pytest.raises(SpecificationError, match="searches for too long"):
        playable(ledger.agent("far"), ledger)
    for simulations, fits in ((10, True), (1_000_000, False)):
        file = exploiter_of("policy:bets.npz", game=KUHN, label="x", simulations=simulations, uct_c=1.0)
        kept = ledger.artifacts.put(to_bytes(file), ending=".exploiter")
        agent = ledger.add_agent(
            "hunter", specification="exploiter:x", kind="exploiter", content_hash=kept, lineage={"uploaded_by": "ann"}
        )
        if fits:
            assert playable(agent, ledger).startswith("confined:bubblewrap:exploiter:/")
        else:
            with pytest.raises(SpecificationError, match="searches for too long"):
                playable(agent, ledger)


def test_who_holds_an_upload_is_confined_as_it_is(ledger):
    sent(ledger), mine(ledger)
    cup = create_tournament(make_config({**CUP, "noise_floor": True, "twin_of": "theirs"}), ledger)
    assert [agent.name for agent in cup.agents if is_confined(agent)] == ["theirs", "theirs-twin"]
    found = exploit(KUHN, "theirs", ledger=ledger, method="mcts", budget=4, matches=2)
    hunter = ledger.agent(str(found.exploiter))
    assert is_confined(hunter)
    assert ledger.tournament(str(found.tournament)).versions["uploads"].endswith("; agents 1, 2")
    found = exploit(KUHN, "theirs", ledger=ledger, method="enumerate", matches=2)
    assert not is_confined(ledger.agent(str(found.exploiter)))  # a table that was made here


def test_the_tier_goes_along_to_other_machines(ledger, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    text = playable(sent(ledger), ledger)
    assert travels(text)
    there = unpack(pack(text))
    assert there.startswith("confined:bubblewrap:policy:/")
    assert Path(there.rpartition(":")[2]).read_bytes() == Path("bets.npz").read_bytes()


def test_exploitability_of_what_was_sent_is_measured_beside_the_readers_of_a_server_and_no_failure_is_kept(
    ledger, monkeypatch
):
    sent(ledger), mine(ledger)
    run_tournament(make_config(CUP), ledger)
    exactly = standings(ledger, KUHN).exploitability
    assert exactly["theirs@1"].value == exactly["mine@1"].value > 0
    columns._exact_values.clear()

    def dies(*_):
        raise AgentCrashed("killed")

    with monkeypatch.context() as patch:
        patch.setattr(ConfinedProcess, "_exchange", dies)
        assert "theirs@1" not in standings(ledger, KUHN).exploitability

    cache, may_go_on, real = StandingsCache(ledger), threading.Event(), columns.load_agent

    def slowly(specification, **more):
        assert not specification.startswith("confined:") or may_go_on.wait(60)
        return real(specification, **more)

    monkeypatch.setattr(columns, "load_agent", slowly)
    first = cache.standings(KUHN)
    assert set(first.exploitability) == {"mine@1"}  # at once, and the other is asked meanwhile
    assert cache.standings(KUHN) is first and cache.computed == {}
    [measuring] = [thread for thread in threading.enumerate() if thread.name == "exploitability"]
    may_go_on.set()
    measuring.join(60)
    assert cache.computed  # so that pages that were kept are made again
    assert cache.standings(KUHN).exploitability.keys() == {"mine@1", "theirs@1"}
