"""Polls: people vote which of two answers to a prompt is better; each vote is a match of the preference game in the ledger."""
