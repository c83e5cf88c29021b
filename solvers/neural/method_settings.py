"""The settings of training on preferences: which ones a method has, their defaults, and their ranges."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from arena.games.preference_rates import require_flip_rate
from arena.solvers.neural.methods import EMA, STAGES, Method
from arena.solvers.solution import Setting


def settings_of(method: str, how: Method, given: Mapping[str, Setting]) -> dict[str, Setting]:
    """The method's own settings: those given, or its defaults.

    Raises:
        ValueError: one that it has not, or outside its range.
    """
    for name, value in given.items():
        if value is not None and name not in how.settings:
            has = ", ".join(how.settings) or "none of its own"
            raise ValueError(f"{name} is no setting of {method}, which has {has}")
    own = {name: default if given[name] is None else given[name] for name, default in how.settings.items()}
    if "target" in own:
        if own["target"] not in (EMA, STAGES):
            raise ValueError(f"target must be {EMA!r} or {STAGES!r}; got {own['target']!r}")
        unused = "inner" if own["target"] == EMA else "ema"
        if given[unused] is not None:
            raise ValueError(f"{unused} has no meaning with target={own['target']!r}")
        del own[unused]
    for name, low, high in (("step", 0, np.inf), ("rate", 0, np.inf), ("ema", 0, 1), ("mixture", 0, 1)):
        value = own.get(name)
        if value is None:
            continue
        number = float(value)
        if not (low <= number <= high and np.isfinite(number)) or (number == 0 and name != "mixture"):
            least = (
                "from 0 to 1" if name == "mixture" else "above 0, at most 1" if name == "ema" else "positive and finite"
            )
            raise ValueError(f"{name} must be {least}; got {value}")
        own[name] = number
    for name in ("inner", "queue"):
        if name in own and (own[name] != int(own[name] or 0) or int(own[name] or 0) < 1):
            raise ValueError(f"{name} must be a whole number, at least 1; got {own[name]}")
    return own


def require_draws(
    samples: int | None, opponents: int, flip_rate: float, batch: int | None, measured: int, contexts: int
) -> None:
    if samples is not None and samples < 1:
        raise ValueError(f"samples must be at least 1, or None for exact expectations; got {samples}")
    if opponents < 1:
        raise ValueError(f"opponents must be at least 1; got {opponents}")
    require_flip_rate(flip_rate)
    if samples is None and (flip_rate or opponents != 1):
        raise ValueError("flip_rate and opponents are of comparisons that are drawn: give samples too")
    if batch is not None and not 1 <= batch <= contexts:
        raise ValueError(f"batch must be from 1 to the {contexts} contexts; got {batch}")
    if measured < 2:
        raise ValueError(f"measured must be at least 2: a standard error needs two; got {measured}")
