"""Pairing rules: who plays whom next, in lineups of entrants by number.

`arena.pairing.rule` says what a rule is and makes that of a configuration; the others are one rule each.
"""
