"""Reference clients of the agent protocol, to be copied: nothing in them needs Arena."""
