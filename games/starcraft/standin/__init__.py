"""A stand-in for the program of StarCraft II: the same protocol, small fights of its own. Its combat is not StarCraft."""

from arena.games.starcraft.pysc2_repair import repair_protocol

repair_protocol()  # the modules of this package import the protocol
