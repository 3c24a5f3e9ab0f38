import pytest

from prefill_assets.redaction import HIDDEN, hide_secrets
from prefill_assets.runs.record import RunRecord


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"api_key": "x", "VLLM_API_KEY": "x", "hf_token": "x"}, {"api_key": HIDDEN, "VLLM_API_KEY": HIDDEN, "hf_token": HIDDEN}),
        ({"max_tokens": 9, "prefill_tokens_sweep": [0, 10]}, {"max_tokens": 9, "prefill_tokens_sweep": [0, 10]}),
        ({"servers": [{"password": "p", "url": "http://me:pw@host/v1"}]}, {"servers": [{"password": HIDDEN, "url": f"http://{HIDDEN}@host/v1"}]}),
        ({"api_key": None, "passwords": {"password": ""}}, {"api_key": None, "passwords": {"password": ""}}),
        ({"command": ["run", "--api-key", "x", "--seed", "1"]}, {"command": ["run", "--api-key", HIDDEN, "--seed", "1"]}),
        ({"note": f"uses sk-{'a1' * 20}"}, {"note": f"uses {HIDDEN}"}),
        ({"vllm_args": "--api-key abc --max-tokens 5"}, {"vllm_args": f"--api-key {HIDDEN} --max-tokens 5"}),
        ({"vllm_command": "VLLM_API_KEY=abc vllm serve"}, {"vllm_command": f"VLLM_API_KEY={HIDDEN} vllm serve"}),
        ({"run_dir": "/data/hf_checkpoints_final"}, {"run_dir": "/data/hf_checkpoints_final"}),
        ({"note": "nats per token in sum"}, {"note": "nats per token in sum"}),
    ],
)  # fmt: skip
def test_what_looks_like_a_secret_is_hidden_and_nothing_else(given, kept):
    assert hide_secrets(given) == kept


def test_the_folder_of_a_run_holds_no_secret(tmp_path):
    record = RunRecord(tmp_path, {"settings": {"vllm_args": "--api-key sesame"}}, tmp_path)

    assert all("sesame" not in path.read_text() for path in record.path.iterdir())
