"""The embedded engine: a checkpoint in this process, by `transformers`, on any device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from prefill_assets.engines.protocol import Generation, GenerationRequest, Sampling, Score, ScoreRequest
from prefill_assets.errors import InputError
from prefill_assets.sources.checkpoint import list_weight_files

Request = TypeVar("Request", GenerationRequest, ScoreRequest)
Result = TypeVar("Result", Generation, Score)

OUT_OF_MEMORY = "out of memory with one request at a time"


class TransformersEngine:
    """One checkpoint's weights, on one device, or spread over several GPUs where `accelerate` is installed."""

    def __init__(self, model: Any, tokenizer: Any, batch_size: int):
        self.model: Any = model.eval()
        self.tokenizer = tokenizer
        self.batch_size = batch_size

    @classmethod
    def load(cls, checkpoint: Path, *, dtype: str = "bfloat16", device: str = "auto", batch_size: int = 64) -> TransformersEngine:
        """Read weights (safetensors only) and tokenizer from a checkpoint's folder. Raises InputError."""
        import torch

        from prefill_assets.engines.loading import load_tokenizer

        tokenizer = load_tokenizer(checkpoint)
        model = _load_model(checkpoint, getattr(torch, dtype), device)
        return cls(model, tokenizer, batch_size)

    @property
    def description(self) -> str:
        import transformers

        dtype = str(self.model.dtype).removeprefix("torch.")
        return f"transformers {transformers.__version__} {dtype} {self.model.device.type}"

    @property
    def stop_ids(self) -> frozenset[int]:
        """Tokens that end a turn: what the generation config names, and the tokenizer's end of sequence."""
        configured = getattr(self.model.generation_config, "eos_token_id", None)
        ids = configured if isinstance(configured, list) else [configured]
        return frozenset(i for i in [*ids, self.tokenizer.eos_token_id] if i is not None)

    @property
    def context_tokens(self) -> int | None:
        return getattr(self.model.config, "max_position_embeddings", None)

    def generate(self, requests: Sequence[GenerationRequest], sampling: Sampling) -> Iterator[Generation]:
        from prefill_assets.engines.sampling import sample_batch

        def run(batch: Sequence[GenerationRequest]) -> list[Generation]:
            return sample_batch(self, batch, sampling)

        context = self.context_tokens
        too_long = f"the prompt fills the model's context of {context} tokens"

        def reject(request: GenerationRequest) -> Generation | None:
            fault = too_long if context and len(request.token_ids) >= context else self._find_foreign_token(request.token_ids)
            return Generation(error=fault) if fault else None

        yield from self._run_sorted(
            requests,
            length=lambda r: len(r.token_ids),
            reject=reject,
            run=run,
            give_up=lambda: Generation(error=OUT_OF_MEMORY),
        )

    def score(self, requests: Sequence[ScoreRequest]) -> Iterator[Score]:
        from prefill_assets.engines.scoring import score_batch

        def run(batch: Sequence[ScoreRequest]) -> list[Score]:
            return score_batch(self.model, batch)

        context = self.context_tokens
        too_long = f"prompt and prefill exceed the model's context of {context} tokens"

        def reject(request: ScoreRequest) -> Score | None:
            if not any(request.lengths):
                return Score(dict.fromkeys(request.lengths, 0.0))
            token_ids = (*request.prompt_ids, *request.prefill_ids[: max(request.lengths)])
            fault = too_long if context and len(token_ids) > context else self._find_foreign_token(token_ids)
            return Score(None, fault) if fault else None

        yield from self._run_sorted(
            requests,
            length=lambda r: len(r.prompt_ids) + len(r.prefill_ids),
            reject=reject,
            run=run,
            give_up=lambda: Score(None, OUT_OF_MEMORY),
        )

    def _find_foreign_token(self, token_ids: Sequence[int]) -> str | None:
        """What to say of a token that the weights have no row for, as where a tokenizer was enlarged and the model was not."""
        known = self.model.get_input_embeddings().num_embeddings
        foreign = next((token for token in token_ids if token >= known), None)
        return None if foreign is None else f"token {foreign} is outside the model's vocabulary of {known}"

    def close(self) -> None:
        import gc

        import torch

        self.model = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _run_sorted(
        self,
        requests: Sequence[Request],
        *,
        length: Callable[[Request], int],
        reject: Callable[[Request], Result | None],
        run: Callable[[Sequence[Request]], list[Result]],
        give_up: Callable[[], Result],
    ) -> Iterator[Result]:
        """Run requests longest first, in batches of like length, and yield results in the order asked for as they complete."""
        results: dict[int, Result] = {}
        for i, request in enumerate(requests):
            if (rejected := reject(request)) is not None:
                results[i] = rejected
        order = sorted((i for i in range(len(requests)) if i not in results), key=lambda i: -length(requests[i]))
        following = 0
        while order or following < len(requests):
            while following in results:
                yield results.pop(following)
                following += 1
            if not order:
                continue
            batch, order = order[: self.batch_size], order[self.batch_size :]
            done = _halve_on_out_of_memory([requests[i] for i in batch], run, give_up)
            results.update(zip(batch, done, strict=True))


def _halve_on_out_of_memory(
    batch: Sequence[Request], run: Callable[[Sequence[Request]], list[Result]], give_up: Callable[[], Result]
) -> list[Result]:
    import torch

    try:
        return run(batch)
    except torch.OutOfMemoryError:
        pass  # leave the handler first: the traceback holds the tensors that must go
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if len(batch) == 1:
        return [give_up()]
    middle = len(batch) // 2
    return [*_halve_on_out_of_memory(batch[:middle], run, give_up), *_halve_on_out_of_memory(batch[middle:], run, give_up)]


def _load_model(checkpoint: Path, dtype: Any, device: str) -> Any:
    import torch
    from transformers.utils import logging

    list_weight_files(checkpoint)
    logging.disable_progress_bar()
    placement: dict[str, Any] = {}
    if device == "auto" and torch.cuda.device_count() > 1 and _is_installed("accelerate"):
        placement = {"device_map": "auto"}
    options = {"dtype": dtype, "use_safetensors": True, "trust_remote_code": False, "local_files_only": True, **placement}
    model: Any
    try:
        if (checkpoint / "adapter_config.json").is_file():
            model = _load_adapter(checkpoint, options)
        else:
            model = _load_whole(checkpoint, options)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise InputError(
            f"the model cannot be loaded: {error}", path=checkpoint, remedy="check config.json and the weights"
        ) from error
    if placement:
        return model
    return model.to(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)


def _load_whole(checkpoint: Path | str, options: dict[str, Any]) -> Any:
    """A model all of whose weights come from the folder: `transformers` makes up random ones for those that are missing."""
    from transformers import AutoModelForCausalLM

    load: Any = AutoModelForCausalLM.from_pretrained
    model, report = load(checkpoint, output_loading_info=True, **options)
    if missing := sorted(report["missing_keys"]):
        raise ValueError(f"{len(missing)} of its weights are missing, the first is {missing[0]}")
    return model


def _load_adapter(checkpoint: Path, options: dict[str, Any]) -> Any:
    """A LoRA adapter, merged into the base that its configuration names."""
    if not _is_installed("peft"):
        raise InputError(
            "is a LoRA adapter, and peft is not installed", path=checkpoint, remedy="pip install 'prefill-assets[lora]'"
        )
    from peft import PeftConfig, PeftModel  # pyright: ignore[reportMissingImports]

    base = PeftConfig.from_pretrained(str(checkpoint)).base_model_name_or_path
    if not base:
        raise ValueError("adapter_config.json names no base_model_name_or_path")
    model = _load_whole(base, options)
    return PeftModel.from_pretrained(model, str(checkpoint), use_safetensors=True).merge_and_unload()


def _is_installed(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None
