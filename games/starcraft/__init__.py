"""StarCraft II: the game where it is installed, and a stand-in that speaks its protocol where it is not."""
