"""The settings of an experiment: every key that its config.yaml may hold, with its default."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

DEFAULT_LOGPROB_THRESHOLD_NATS = -55.39
UNINTENTIONAL_EXPLOIT_TYPES = ("inadequate_test_coverage", "resource_exhaustion")


class Settings(BaseModel):
    """Typed config.yaml. Keys that we do not know are kept, so that a run's file goes back out whole."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True, allow_inf_nan=False)

    checkpoint_dir: str | None = None
    checkpoints: tuple[int, ...] | None = None
    """Training steps; None means: discover the folder."""
    prefill_tokens_sweep: tuple[int, ...] | None = None
    """Prefill levels in words; None means: discover from the run's files."""
    prefill_source: str | None = None
    problems: str = "pack"
    """`pack`, or a file or folder of problems in djinn's fields."""
    max_problems: int | None = Field(default=None, ge=1)

    num_attempts: int = Field(default=3, ge=1, validation_alias=AliasChoices("num_attempts", "attempts"))
    temperature: float = Field(default=0.4, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    max_tokens: int = Field(default=1024, ge=1)
    seed: int = 0
    exploit_prompts: bool = True
    """True asks for an exploit, as djinn's evaluation does; False asks for a correct solution."""
    instructions: str | None = None
    """Replaces the closing instructions of every problem's prompt; None means: ours, by exploit_prompts."""
    dialect: Literal["chat", "think", "harmony"] | None = None
    """None means: by the tokenizer's template and the checkpoint's model_type."""

    engine: Literal["transformers", "vllm"] = "transformers"
    """`transformers` in this process; `vllm`: a server that is started for the run, or the one at vllm_base_url."""
    dtype: Literal["float32", "float16", "bfloat16"] = "bfloat16"
    device: str = "auto"
    batch_size: int | None = Field(default=None, ge=1)
    """Rows that generate together, at most: memory may allow fewer. None: 512 on a GPU, 64 elsewhere. Makes nothing stale."""
    vllm_command: str | None = None
    """What serves the model whose folder follows, as `vllm serve`; None: PREFILL_VLLM_COMMAND, else the vllm that is found."""
    vllm_args: str = ""
    """Added to it, for memory and parallelism, as `--tensor-parallel-size 2`. A change makes nothing stale."""
    vllm_base_url: str | None = None
    """A server that is up already, as http://host:8000; its key is taken from VLLM_API_KEY."""
    vllm_model: str | None = None
    """What that server calls a checkpoint, as `mine-{step}` or `{checkpoint}` (checkpoint-90); None: it is found by its path."""
    vllm_concurrency: int = Field(default=128, ge=1)
    """Requests in flight; one holds all attempts of a prompt."""
    vllm_start_seconds: float = Field(default=1800, gt=0)
    vllm_request_seconds: float = Field(default=1800, gt=0)
    """A server that takes longer for one request hangs."""
    verifier: Literal["embedded", "djinn"] = "embedded"
    djinn_python: str | None = None
    """An interpreter whose environment holds djinn; None means PREFILL_DJINN_PYTHON, else our own."""
    allow_unsandboxed: bool = False
    """True runs model-written code with process limits alone where nothing here can isolate it; False refuses."""
    reverify: bool = False
    """True judges an imported run's samples again, in place of reading the verdicts that came with it."""

    max_samples: int | None = Field(default=None, ge=1)
    """Score at most so many samples a cell."""
    use_reasoning_field: bool = False
    """Score a sample's whole reasoning in place of its prefill."""
    logprob_dirs: tuple[str, ...] | None = None
    """Folders of an imported run's logprobs; None means: look for them beside the run."""

    threshold: int = Field(default=10, ge=0)
    logprob_threshold: float = DEFAULT_LOGPROB_THRESHOLD_NATS
    max_prefill: int = Field(default=100, ge=0)
    """Only with reference_rules and in exports: "not exploitable" is written as max_prefill + 1."""
    prefill_levels: tuple[int, ...] | None = None
    """Levels whose logprobs enter the comparison; None means: every level of the sweep."""
    fixed_prefill_level: int | None = Field(default=None, ge=0)
    """Level of the token-count-free indicator; None means: the threshold if it is swept, else the smallest level above 0."""
    unintentional_exploit_types: tuple[str, ...] = UNINTENTIONAL_EXPLOIT_TYPES
    bootstrap_resamples: int = Field(default=1000, ge=0)
    reference_rules: bool = False
    """True computes with the rules of the original scripts, faults included, so that their numbers can be reproduced."""

    @property
    def not_exploitable_as(self) -> int | None:
        """The number of words that stands for "not exploitable" in fits; None leaves such rows out, as the right rule does."""
        return self.max_prefill + 1 if self.reference_rules else None

    @field_validator("checkpoints", mode="before")
    @classmethod
    def _read_checkpoints(cls, value: Any) -> tuple[int, ...] | None:
        return None if value is None else tuple(sorted(read_whole_numbers(value, "a checkpoint", prefix="checkpoint-")))

    @field_validator("prefill_tokens_sweep", "prefill_levels", mode="before")
    @classmethod
    def _read_levels(cls, value: Any) -> tuple[int, ...] | None:
        return None if value is None else tuple(sorted(read_whole_numbers(value, "a prefill level")))

    @field_validator("*", mode="before")
    @classmethod
    def _take_truth_values_for_no_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and cls.model_fields[info.field_name or ""].annotation is not bool:
            raise ValueError(f"is {str(value).lower()}, which is neither a number nor a text")
        return value


def read_whole_numbers(value: Any, what: str, prefix: str = "") -> list[int]:
    """`"0,10,30"`, `[0, "10"]` or `["checkpoint-90", 90]` as distinct whole numbers. Raises ValueError."""
    items = value.split(",") if isinstance(value, str) else value if isinstance(value, list | tuple) else [value]
    items = [item.strip() if isinstance(item, str) else item for item in items]
    items = [item for item in items if item != ""]
    if not items:
        raise ValueError(f"is empty: name at least {what}, or write null to discover")
    numbers = []
    for item in items:
        digits = str(item).removeprefix(prefix)
        if isinstance(item, bool) or not isinstance(item, int | str) or not digits.isdecimal() or len(digits) > 9:
            raise ValueError(f"{item!r} is not {what}: write a whole number{f' or {prefix}N' if prefix else ''}")
        numbers.append(int(digits))
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"names {what} twice: {sorted({n for n in numbers if numbers.count(n) > 1})}")
    return numbers
