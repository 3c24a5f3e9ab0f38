"""The embedded engine: a checkpoint in this process, by `transformers`, on any device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from prefill_assets.engines.loaded_model import LoadedModel, load_model
from prefill_assets.engines.protocol import Generation, GenerationRequest, Sampling, Score, ScoreRequest

Request = TypeVar("Request", GenerationRequest, ScoreRequest)
Result = TypeVar("Result", Generation, Score)

OUT_OF_MEMORY = "out of memory with one request at a time"


class TransformersEngine:
    """One checkpoint's weights, on one device, or spread over several GPUs where `accelerate` is installed."""

    def __init__(self, model: Any, tokenizer: Any, batch_size: int):
        self.loaded = LoadedModel(model.eval(), tokenizer)
        self.batch_size = batch_size

    @classmethod
    def load(cls, checkpoint: Path, *, dtype: str = "bfloat16", device: str = "auto", batch_size: int = 64) -> TransformersEngine:
        """Read weights (safetensors only) and tokenizer from a checkpoint's folder. Raises InputError."""
        loaded = load_model(checkpoint, dtype, device)
        return cls(loaded.model, loaded.tokenizer, batch_size)

    @property
    def model(self) -> Any:
        return self.loaded.model

    @property
    def tokenizer(self) -> Any:
        return self.loaded.tokenizer

    @property
    def description(self) -> str:
        import transformers

        dtype = str(self.model.dtype).removeprefix("torch.")
        return f"transformers {transformers.__version__} {dtype} {self.model.device.type}"

    def generate(self, requests: Sequence[GenerationRequest], sampling: Sampling) -> Iterator[Generation]:
        from prefill_assets.engines.sampling import sample_batch

        def run(batch: Sequence[GenerationRequest]) -> list[Generation]:
            return sample_batch(self.loaded, batch, sampling)

        context = self.loaded.context_tokens
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

        context = self.loaded.context_tokens
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

        self.loaded = LoadedModel(None, self.tokenizer)
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
