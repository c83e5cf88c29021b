"""Players of StarCraft II: scripted baselines, agents written for pysc2, other people's bots, the game's own computer player."""
