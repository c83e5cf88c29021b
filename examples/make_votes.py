"""Writes votes.csv: five ways to answer, compared by three judges on thirty questions in both orders. Nobody real was asked.

The best three beat each other in a circle, on purpose: thorough loses to brief, brief to witty, witty to thorough. Thorough beats the
weak ones by far, so that a rating puts it first. Ben and Carla like what they see first. The same seed writes the same file.
"""

import csv
import itertools
import random
from pathlib import Path

SEED = 20261126
CANDIDATES = ("brief", "plain", "thorough", "verbose", "witty")
WINS = {  # how often the first beats the second, whatever the order
    ("brief", "plain"): 0.58,
    ("brief", "thorough"): 0.64,
    ("brief", "verbose"): 0.60,
    ("plain", "thorough"): 0.13,
    ("plain", "verbose"): 0.55,
    ("plain", "witty"): 0.40,
    ("thorough", "verbose"): 0.90,
    ("thorough", "witty"): 0.65,
    ("verbose", "witty"): 0.36,
    ("brief", "witty"): 0.38,
}
LIKING = {"anna": 0.0, "ben": 0.15, "carla": 0.35}  # how much more often the first shown wins than the second
TIES = 0.08
QUESTIONS = 30


def main() -> None:
    rng = random.Random(SEED)
    with (Path(__file__).parent / "votes.csv").open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(["model_a", "model_b", "winner", "judge", "question_id"])
        for question in range(1, QUESTIONS + 1):
            for pair, judge in itertools.product(itertools.combinations(CANDIDATES, 2), LIKING):
                for first, second in (pair, pair[::-1]):
                    wins = WINS[pair] if first == pair[0] else 1 - WINS[pair]
                    drawn = rng.random()
                    if drawn < TIES:
                        winner = "tie" if drawn < TIES * 0.7 else "tie (bothbad)"
                    else:
                        winner = "model_a" if rng.random() < wins + LIKING[judge] / 2 else "model_b"
                    rows.writerow([first, second, winner, judge, f"q{question:02}"])


if __name__ == "__main__":
    main()
