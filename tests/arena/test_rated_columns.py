"""What `rated_matches` makes of its columns, against sorting whole rows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from arena.rated_matches import _first_of_each, _numbered_units

NUMBERS = st.one_of(st.integers(-1, 2), st.integers(-(2**63), 2**63 - 1))


@given(st.lists(st.tuples(NUMBERS, NUMBERS, st.integers(-1, 1)), max_size=30))
def test_the_first_of_equal_rows_is_kept_in_the_order_of_rows(rows):
    table = np.array(rows, np.int64).reshape(-1, 3)
    kept = [at for at, row in enumerate(rows) if row not in rows[:at]]
    assert _first_of_each(table).tolist() == kept


@given(st.lists(st.lists(NUMBERS, max_size=12), min_size=1, max_size=4))
def test_units_are_numbered_by_tournament_and_then_by_group(groups):
    number = {unit: at for at, unit in enumerate(sorted({(t, g) for t, own in enumerate(groups) for g in own}))}
    expected = [number[t, g] for t, own in enumerate(groups) for g in own]
    assert _numbered_units([np.array(own, np.int64) for own in groups]).tolist() == expected
