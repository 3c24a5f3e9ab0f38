"""Every row leads to what made it: what a real run leaves in `provenance` and `runs`."""

import json

import torch
import transformers

from prefill_assets.cli.main import main
from prefill_assets_tests.cli.test_run import ask
from prefill_assets_tests.tiny_projects import STEPS


def test_every_partition_leads_to_a_run_that_succeeded(project):
    main(["sql", "SELECT 1"])
    assert ask(project, "SELECT DISTINCT run_status FROM provenance") == [("success",)]


def test_verdicts_lead_to_weights_engine_seed_and_prompts_of_their_samples(project):
    main(["sql", "SELECT 1"])
    columns = "checkpoint, prefill_level, model_fingerprint, engine, seed, prompts_version"
    samples, verdicts = (
        ask(project, f"SELECT {columns} FROM provenance WHERE table_name = '{table}' ORDER BY ALL")
        for table in ("eval_samples", "eval_results")
    )
    assert verdicts == samples
    assert all(engine.startswith(f"transformers {transformers.__version__} float32 ") for *_, engine, _, _ in verdicts)
    assert {(step, seed) for step, *_, seed, _ in verdicts} == {(step, 0) for step in STEPS}
    assert all(fingerprint and prompts for _, _, fingerprint, *_, prompts in verdicts)


def test_runs_name_the_weights_problems_and_verifier_that_they_worked_with(project):
    main(["sql", "SELECT 1"])
    question = """
        SELECT p.checkpoint, p.model_fingerprint, p.problems_version, p.verifier,
            r.model_fingerprints, r.problems_version, r.verifier, r.cuda, r.packages ->> 'torch'
        FROM provenance AS p JOIN runs AS r USING (run_id)
        WHERE table_name = 'eval_results' AND prefill_level = 0 ORDER BY 1"""
    rows = ask(project, question)
    assert [row[0] for row in rows] == list(STEPS)
    for step, fingerprint, problems, verifier, fingerprints, *of_run in rows:
        assert json.loads(fingerprints)[str(step)] == fingerprint is not None
        assert of_run == [problems, verifier, torch.version.cuda, torch.__version__]
        assert problems is not None
