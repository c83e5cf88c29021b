"""SMAX: the team game of JaxMARL 0.2.0, its dynamics written anew in torch and compiled loops (see `dynamics`)."""
