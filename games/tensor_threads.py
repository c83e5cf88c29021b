"""How many threads torch multiplies small tensors with: one, which waits for nobody and adds in one order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """One thread of torch within, whatever `torch.set_num_threads` says, which is set back at the end."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
