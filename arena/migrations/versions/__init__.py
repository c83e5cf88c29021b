"""One file a revision, `revision_NNNN.py`; never change one that was released."""
