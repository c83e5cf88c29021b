import gc

from arena.frozen_heap import frozen_heap


def test_the_outermost_one_freezes_and_thaws():
    gc.unfreeze()  # what the tests froze
    try:
        with frozen_heap():
            assert gc.get_freeze_count() > 10_000
            with frozen_heap():
                pass
            assert gc.get_freeze_count() > 10_000
        assert gc.get_freeze_count() == 0
    finally:
        gc.freeze()
