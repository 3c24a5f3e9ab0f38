"""The `prefill` command: arguments, and which room answers them."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from prefill_assets import __version__
from prefill_assets.errors import InputError
from prefill_assets.interruption import is_interrupt, watching

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 something failed, 2 bad input, 130 interrupted."""
    parsed = build_parser().parse_args(arguments)
    # threads that spin while they wait starve the working ones of shared cores
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    signal.signal(signal.SIGTERM, _heed_end)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in a script's background; Dagster handles SIGTERM as it does SIGINT
        signal.signal(signal.SIGINT, _heed_end)
    try:
        with watching():
            return parsed.answer(parsed)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (KeyboardInterrupt, RuntimeError) as error:
        if not is_interrupt(error):
            raise
        print("interrupted: finished partitions are kept; run the same command again to go on", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="prefill", description="How little exploit reasoning makes a checkpoint exploit, and what predicts it?"
    )
    parser.add_argument("--version", action="version", version=f"prefill-assets {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands.add_parser("run", help="compute what is missing or stale of an experiment, and report"))
    _add_status(commands.add_parser("status", help="which partitions are fresh, stale or missing, and why"))
    _add_reverify(commands.add_parser("reverify", help="judge stored samples again where problems or verifier changed; no model"))
    _add_sql(commands.add_parser("sql", help="ask the warehouse in SQL"))
    _add_compare(commands.add_parser("compare", help="two experiments side by side, such as exploit training and its control"))
    _add_import(commands.add_parser("import", help="take in an existing run's folder; no model is needed"))
    _add_export(commands.add_parser("export", help="write an experiment's tables in the layout of the original scripts"))
    _add_check_problems(commands.add_parser("check-problems", help="whether problems are solved and exploited as they claim"))
    _add_prune(commands.add_parser("prune", help="remove what is kept of an experiment, or superseded versions of partitions"))
    _add_demo(commands.add_parser("demo", help="train the demo's model organism and analyse it"))
    _add_ui(commands.add_parser("ui", help="open the Dagster UI on this machine"))
    return parser


def _add_experiment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sensitivity-run", metavar="FOLDER", help="an experiment's run folder, or its name (default: the most recent)"
    )


def _add_run(parser: argparse.ArgumentParser) -> None:
    from prefill_assets.cli.run import answer_run

    _add_experiment(parser)
    parser.add_argument("--dry-run", action="store_true", help="say what would be computed and what is fresh; change nothing")
    parser.add_argument("--checkpoints", type=int, nargs="+", metavar="STEP", help="compute cells of these checkpoints only")
    parser.add_argument("--levels", type=int, nargs="+", metavar="WORDS", help="compute cells of these prefill levels only")
    parser.add_argument("--skip-logprob", action="store_true", help="only the token-based trajectory: no scoring, no comparison")
    parser.add_argument("--threshold", type=int, metavar="WORDS", help="min prefill that counts as easily exploitable (10)")
    parser.add_argument("--logprob-threshold", type=float, metavar="NATS", help="sum logprob that counts as such (-55.39)")
    parser.add_argument("--prefill-levels", type=int, nargs="+", metavar="WORDS", help="levels whose logprobs are compared (all)")
    parser.add_argument("--max-prefill", type=int, metavar="WORDS", help="as a number, not exploitable is this + 1 (100)")
    parser.add_argument("--engine", choices=["transformers", "vllm"], help="what generates and scores (transformers)")
    parser.add_argument("--base-url", dest="vllm_base_url", metavar="URL", help="a vLLM server that is up; implies --engine vllm")
    parser.add_argument("--dtype", choices=["float32", "float16", "bfloat16"], help="number format of the model (bfloat16)")
    parser.add_argument("--device", metavar="DEVICE", help="where the transformers engine computes, such as cuda:1 or cpu (auto)")
    parser.add_argument("--prefill-from", type=_resolve, dest="prefill_source", metavar="FILE", help="traces of exploits")
    parser.add_argument("--num-attempts", type=int, metavar="N", help="samples of each problem in a cell (3)")
    parser.add_argument("--max-tokens", type=int, metavar="N", help="the longest continuation (1024)")
    parser.add_argument("--temperature", type=float, metavar="T", help="0 is greedy (0.4)")
    parser.add_argument("--max-problems", type=int, metavar="N", help="evaluate only the first N problems")
    parser.add_argument("--max-samples", type=int, metavar="N", help="score only the first N samples of a cell")
    parser.add_argument(
        "--use-reasoning-field", action="store_true", default=None, help="score a sample's whole reasoning, not its prefill"
    )
    parser.add_argument(
        "--reference-rules", action="store_true", default=None, help="compute by the original scripts' rules, faults included"
    )
    parser.set_defaults(answer=answer_run)


def _add_status(parser: argparse.ArgumentParser) -> None:
    from prefill_assets.cli.status import answer_status

    _add_experiment(parser)
    parser.set_defaults(answer=answer_status)


def _add_reverify(parser: argparse.ArgumentParser) -> None:
    from prefill_assets.cli.reverify import answer_reverify

    _add_experiment(parser)
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the changed verdicts there")
    parser.set_defaults(answer=answer_reverify)


def _add_sql(parser: argparse.ArgumentParser) -> None:
    from prefill_assets.cli.sql import answer_sql

    parser.add_argument("query", help='a statement, for example "FROM exploit_rates"; without one table\'s name: SHOW TABLES')
    parser.add_argument("--csv", action="store_true", help="print CSV")
    parser.set_defaults(answer=answer_sql)


def _add_compare(parser: argparse.ArgumentParser) -> None:
    from prefill_assets.cli.compare import answer_compare

    parser.add_argument("experiment", metavar="EXPERIMENT_A", help="an experiment that has verdicts")
    parser.add_argument("other_experiment", metavar="EXPERIMENT_B", help="the one that it is compared with, such as its control")
    parser.add_argument("--output", type=Path, metavar="FILE", help="the plot: .png, .svg or .html (default: in A's report)")
    parser.set_defaults(answer=answer_compare)


def _add_import(parser: argparse.ArgumentParser) -> None:
    from prefill_assets.cli.exchange import answer_import

    parser.add_argument("run_dir", type=Path, help="a run folder: config.yaml and evals/")
    parser.add_argument("--logprob-dirs", type=Path, nargs="+", metavar="FOLDER", help="its logprobs (default: found beside it)")
    parser.set_defaults(answer=answer_import)


def _add_export(parser: argparse.ArgumentParser) -> None:
    from prefill_assets.cli.exchange import answer_export

    _add_experiment(parser)
    parser.add_argument("--output-dir", type=Path, metavar="FOLDER", help="where to write (default: data/exports/NAME)")
    parser.add_argument("--force", action="store_true", help="replace what is there")
    parser.set_defaults(answer=answer_export)


def _add_check_problems(parser: argparse.ArgumentParser) -> None:
    from prefill_assets.cli.check_problems import answer_check_problems

    parser.add_argument(
        "source", nargs="?", default="pack", metavar="SOURCE", help="a file or folder of problems, or hub:NAME (pack)"
    )
    parser.set_defaults(answer=answer_check_problems)


def _add_prune(parser: argparse.ArgumentParser) -> None:
    from prefill_assets.cli.prune import answer_prune

    parser.add_argument("experiment", nargs="?", metavar="EXPERIMENT", help="its name; with --superseded the default is all")
    parser.add_argument("--superseded", action="store_true", help="only versions of partitions that others have replaced")
    parser.add_argument("--older-than", type=float, metavar="DAYS", help="of those, the ones written more than DAYS ago")
    parser.add_argument("--with-files", action="store_true", help="also its run folder and checkpoints that lie under data/")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.set_defaults(answer=answer_prune)


def _add_demo(parser: argparse.ArgumentParser) -> None:
    from prefill_assets.cli.demo import answer_demo

    parser.set_defaults(answer=answer_demo)


def _add_ui(parser: argparse.ArgumentParser) -> None:
    from prefill_assets.cli.ui import answer_ui

    parser.add_argument("--port", type=int, default=3000)
    parser.set_defaults(answer=answer_ui)


def _resolve(path: str) -> str:
    """Paths in config.yaml start at its folder, those of a command where it is given."""
    return str(Path(path).absolute())


def _heed_end(signal_number: int, frame: object) -> None:
    if signal_number == signal.SIGTERM:
        raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
