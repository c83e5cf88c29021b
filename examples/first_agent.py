"""A first agent: `arena play openspiel:tic_tac_toe python:examples/first_agent.py:FirstAgent random`."""


class FirstAgent:
    deterministic = True

    def act(self, observation):
        """Chooses the middle one of the legal actions; `observation.text` shows the table, `.seed` is for chance."""
        legal = observation.legal_actions
        return legal[len(legal) // 2]
