"""What a record refuses."""

import numpy as np
import pytest
from simulated_records import record_of


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_returns_are_finite_where_somebody_sits(value):
    with pytest.raises(ValueError, match="returns"):
        record_of([[0, 1]], [[value, 0]])
    assert len(record_of([[0, 1, -1]], [[1, 0, value]])) == 1


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_weights_are_finite_and_not_negative(weight):
    with pytest.raises(ValueError, match="weights"):
        record_of([[0, 1]] * 2, [[1, 0]] * 2, weight=[1.0, weight])
