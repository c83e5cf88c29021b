"""Settings behind a preference file: what is read, what is refused, and that what is written is read the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.games import SpecificationError, UnknownName
from arena.games.preference_files import SUFFIXES
from arena.games.preference_settings import PreferenceSettings, split_settings


def split(text):
    return split_settings(text, SUFFIXES)


@pytest.mark.parametrize(
    ("text", "path", "settings", "written"),
    [
        ("v.csv", "v.csv", PreferenceSettings(), ""),
        ("v.csv(unmet=0.5)", "v.csv", PreferenceSettings(unmet="even"), "(unmet=0.5)"),
        ("v.csv ( unmet = unknown )", "v.csv", PreferenceSettings(unmet="unknown"), "(unmet=unknown)"),
        ("v.csv(flip_rate=0)", "v.csv", PreferenceSettings(), ""),
        ("v.csv(flip_rate=.25)", "v.csv", PreferenceSettings(flip_rate=0.25), "(flip_rate=0.25)"),
        ("v.csv(judge=anna)", "v.csv", PreferenceSettings(judges=("anna",)), "(judge=anna)"),
        ("v.csv(judge=7)", "v.csv", PreferenceSettings(judges=("7",)), '(judge="7")'),
        ('v.csv(judge="007")', "v.csv", PreferenceSettings(judges=("007",)), '(judge="007")'),
        ("v.csv(without=[ben,anna])", "v.csv", PreferenceSettings(without=("anna", "ben")), "(without=[anna,ben])"),
        (
            'v.csv(without=["a, b",c(1)],unmet=0.5)',
            "v.csv",
            PreferenceSettings(without=("a, b", "c(1)"), unmet="even"),
            '(unmet=0.5,without=["a, b","c(1)"])',
        ),
        ('v.csv(context="who? (me)")', "v.csv", PreferenceSettings(context="who? (me)"), '(context="who? (me)")'),
        ("v.csv(context='say \"a\"')", "v.csv", PreferenceSettings(context='say "a"'), "(context='say \"a\"')"),
        ('v.csv(judge=["[x]"])', "v.csv", PreferenceSettings(judges=("[x]",)), '(judge=["[x]"])'),
        ("votes (1).csv(unmet=0.5)", "votes (1).csv", PreferenceSettings(unmet="even"), "(unmet=0.5)"),
        ("old.csv(1).csv(unmet=0.5)", "old.csv(1).csv", PreferenceSettings(unmet="even"), "(unmet=0.5)"),
        ("a=b.csv(1).csv", "a=b.csv(1).csv", PreferenceSettings(), ""),
    ],
)
def test_settings_are_read_and_written_in_one_way(text, path, settings, written):
    assert split(text) == (path, settings)
    assert str(settings) == written
    assert split(f"{path}{written}") == (path, settings)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("unmet=0.4", r"unmet must be 0\.5.*or unknown; got 0\.4"),
        ("unmet=even", "got even"),
        ("unmet=true", "unmet must be"),
        ("flip_rate=0.5", r"flip_rate must be a rate from 0 to below 0\.5; got 0\.5"),
        ("flip_rate=-0.1", "flip_rate must be"),
        ("flip_rate=nan", "flip_rate must be"),
        ("flip_rate=true", "flip_rate must be"),
        ("flip_rate=much", "flip_rate must be"),
        ('judge=""', "judge names nothing"),
        ("context=' '", "context names nothing"),
        ("judge=[]", "judge names nothing|cannot read"),
        ("judge=a,without=b", "one of the two"),
        ("unmet=0.5,unmet=0.5", "stands twice"),
        ("unmet=0.5,0.5", "write key=value"),
        ("judge=[a,b", "left open"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, said):
    with pytest.raises(SpecificationError, match=said):
        split(f"v.csv({settings})")


def test_an_unknown_setting_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match=r"'unmatched'.*did you mean 'unmet'"):
        split("v.csv(unmatched=0.5)")


names = st.text(min_size=1, max_size=12).map(str.strip).filter(lambda s: s and not ('"' in s and "'" in s))


@given(
    st.sampled_from(["refused", "even", "unknown"]),
    st.sets(names, max_size=3),
    st.booleans(),
    st.none() | names,
    st.floats(0, 0.49),
)
def test_whatever_is_written_is_read_the_same(unmet, judges, without, context, flip_rate):
    judges = tuple(sorted(judges))
    settings = PreferenceSettings(
        unmet=unmet,
        judges=() if without else judges,
        without=judges if without else (),
        context=context,
        flip_rate=flip_rate,
    )
    assert split(f"votes.csv{settings}") == ("votes.csv", settings)
