"""A model behind an OpenAI-compatible address as the judge of a training run."""

from __future__ import annotations

import json

from tiny_language import tiny_trainer

from arena.agents.judges import load_judge
from tests.chat_server import chat_server


def test_an_endpoint_judges_in_both_orders(tmp_path):
    with chat_server(["VERDICT: A"]) as server:  # always the first shown
        judge = load_judge(f"llm:judge@{server.url}")
        trainer = tiny_trainer(tmp_path, judge=judge, max_steps=1, num_generations=2, num_opponents=2)
        line = trainer.train().metrics
        judge.close()
    assert line["comparisons"] == len(server.requests) > 0
    assert line["win_rate"] == 0.5  # a liking for the first shown is nobody's win
    assert line["judge_failures"] == 0


def test_what_the_endpoint_does_not_judge_is_a_recorded_failure(tmp_path):
    def script(body):
        text = json.dumps(body)
        return "VERDICT: NONE" if "rock" in text and "paper" in text else "VERDICT: TIE"

    with chat_server(script) as server:
        judge = load_judge(f"llm:judge@{server.url}")
        trainer = tiny_trainer(tmp_path, judge=judge, max_steps=2, judge_retries=0, num_generations=4)
        line = trainer.train().metrics
        judge.close()
    told = [json.loads(one) for one in (tmp_path / "judge_failures.jsonl").read_text().splitlines()]
    assert line["judge_failures"] == len(told) > 0
    assert all(word in one["first"] + one["second"] for one in told for word in ("rock", "paper"))
    assert line["win_rate"] == 0.5
