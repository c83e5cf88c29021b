"""Records of several ledgers or files as one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from arena.leaderboards.record import Record


def joined_records(records: Sequence[Record]) -> Record:
    """All matches of the records, those of the first before those of the second and so on.

    Agents of one name are one agent; units of resampling stay apart, record by record. That no match is in two of them is
    for the caller to see to.

    Args:
        records: at least one.

    Raises:
        ValueError: no record, or games in which returns mean different things (`utility`).
    """
    utilities = {record.utility for record in records}
    if len(utilities) != 1:
        raise ValueError(f"joined records need one utility, and at least one record; got {sorted(utilities)}")
    agents = tuple(sorted({name for record in records for name in record.agents}))
    number = {name: place for place, name in enumerate(agents)}
    num_seats = max(record.seats.shape[1] for record in records)
    seats, returns, pairs, units = [], [], [], 0
    for record in records:
        of_name = np.array([*(number[name] for name in record.agents), -1], np.int64)  # -1, nobody, stays -1
        missing = ((0, 0), (0, num_seats - record.seats.shape[1]))
        seats.append(np.pad(of_name[record.seats], missing, constant_values=-1))
        returns.append(np.pad(record.returns, missing))
        found, unit = np.unique(record.pair, return_inverse=True)
        pairs.append(units + unit)
        units += len(found)
    return Record(
        agents=agents,
        seats=np.concatenate(seats),
        returns=np.concatenate(returns),
        forfeit=np.concatenate([record.forfeit for record in records]),
        pair=np.concatenate(pairs),
        weight=np.concatenate([record.weight for record in records]),
        utility=utilities.pop(),
    )
