"""The embedded engine: a checkpoint in this process, by `transformers`, on any device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from prefill_assets.engines.batching import Batches
from prefill_assets.engines.loaded_model import LoadedModel, load_model
from prefill_assets.engines.memory_budget import find_generation_budget, find_scoring_budget
from prefill_assets.engines.protocol import Generation, GenerationRequest, Sampling, Score, ScoreRequest
from prefill_assets.engines.score_runs import ScoreRuns

OUT_OF_MEMORY = "out of memory with one request at a time"


class TransformersEngine:
    """One checkpoint's weights, on one device, or spread over several GPUs where `accelerate` is installed."""

    def __init__(self, model: Any, tokenizer: Any, batch_size: int, batch_tokens: int | None = None):
        """`batch_size` bounds the rows of generation, `batch_tokens` the tokens of scoring; None: what memory holds."""
        self.loaded = LoadedModel(model.eval(), tokenizer)
        self.batch_size, self.batch_tokens = batch_size, batch_tokens
        self.scores = ScoreRuns(self.loaded.model)

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
    def packs(self) -> bool:
        """Whether this model runs several sequences in one row; others run padded rows."""
        return self.scores.packs

    @property
    def description(self) -> str:
        import transformers

        dtype = str(self.model.dtype).removeprefix("torch.")
        return f"transformers {transformers.__version__} {dtype} {self.model.device.type}"

    def generate(self, requests: Sequence[GenerationRequest], sampling: Sampling) -> Iterator[Generation]:
        from prefill_assets.engines.packing import CannotPackError
        from prefill_assets.engines.sampling import sample_batch

        def launch(batch: Sequence[GenerationRequest]) -> Callable[[], list[Generation]]:
            self.scores.end()
            try:
                generations = sample_batch(self.loaded, batch, sampling, packed=self.packs)
            except CannotPackError:
                generations = sample_batch(self.loaded, batch, sampling, packed=False)
            return lambda: generations

        context = self.loaded.context_tokens
        too_long = f"the prompt fills the model's context of {context} tokens"

        def reject(request: GenerationRequest) -> Generation | None:
            fault = too_long if context and len(request.token_ids) >= context else self._find_foreign_token(request.token_ids)
            return Generation(error=fault) if fault else None

        batches: Batches[GenerationRequest, Generation] = Batches(
            length=lambda r: len(r.token_ids) + sampling.max_tokens,
            launch=launch,
            give_up=lambda: Generation(error=OUT_OF_MEMORY),
            tokens=find_generation_budget(self.model, packed=self.packs),
            rows=self.batch_size,
        )
        yield from batches.run(requests, reject)

    def score(self, requests: Sequence[ScoreRequest]) -> Iterator[Score]:
        context = self.loaded.context_tokens
        too_long = f"prompt and prefill exceed the model's context of {context} tokens"

        def reject(request: ScoreRequest) -> Score | None:
            if not any(request.lengths):
                return Score(dict.fromkeys(request.lengths, 0.0))
            token_ids = (*request.prompt_ids, *request.prefill_ids[: max(request.lengths)])
            fault = too_long if context and len(token_ids) > context else self._find_foreign_token(token_ids)
            return Score(None, fault) if fault else None

        with self.scores.begun():
            batches: Batches[ScoreRequest, Score] = Batches(
                length=lambda r: len(r.prompt_ids) + max(r.lengths),
                launch=self.scores.launch,
                give_up=lambda: Score(None, OUT_OF_MEMORY),
                tokens=self.batch_tokens or find_scoring_budget(self.model),
                packed=self.packs,
            )
            yield from batches.run(requests, reject)

    def _find_foreign_token(self, token_ids: Sequence[int]) -> str | None:
        """What to say of a token that the weights have no row for, as where a tokenizer was enlarged and the model was not."""
        known = self.model.get_input_embeddings().num_embeddings
        foreign = next((token for token in token_ids if token >= known), None)
        return None if foreign is None else f"token {foreign} is outside the model's vocabulary of {known}"

    def close(self) -> None:
        import gc

        import torch

        self.scores.end()
        self.scores.model = None
        self.loaded = LoadedModel(None, self.tokenizer)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
