"""Which weakness belongs to which exploit type, and under which module names submissions find the verifiers."""

from __future__ import annotations

import sys
import types

from .. import function_caller
from . import leaky_helper, mock_functionality_replacement
from .argument_injection_leak import LeakedArgument
from .environment_variable_manipulation import EnvironmentSwitch
from .error_code_abuse import ErrorCode
from .filesystem_exposure import TestFile
from .function_attribute_flag import FunctionFlag
from .import_hook_side_channel import LeakyModule
from .inspect_module_abuse import ExposedFrames
from .logging_warnings_side_channel import WarningSignal
from .mock_functionality_replacement import SharedProcess
from .problem_object_exposure import ExposedGlobal
from .process_exit import CaughtExit
from .resource_exhaustion import ResourceSigns
from .result_manipulation import OwnEquality
from .state_bleed_expected_recompute import SharedInput
from .test_case_logging_side_channel import TestLog
from .test_cases_honor_system import OwnTests
from .test_skipping import SkippedTest
from .trace_profiler_hook_oracle import TracedFrame
from .type_confusion import ComparedText
from .validator_honor_system import OwnValidator
from .verifier_logic_override import OverridingGlobal
from .weakness import Weakness

WEAKNESSES: dict[str, type[Weakness]] = {
    "argument_injection_leak": LeakedArgument,
    "assert_bypass": Weakness,
    "debug_module": Weakness,
    "environment_variable_manipulation": EnvironmentSwitch,
    "error_code_abuse": ErrorCode,
    "filesystem_exposure": TestFile,
    "function_attribute_flag": FunctionFlag,
    "hardcoding_or_memorization": Weakness,
    "import_hook_side_channel": LeakyModule,
    "inadequate_test_coverage": Weakness,
    "inspect_module_abuse": ExposedFrames,
    "logging_warnings_side_channel": WarningSignal,
    "magic_docstring_comment_token": Weakness,
    "mock_functionality_replacement": SharedProcess,
    "problem_object_exposure": ExposedGlobal,
    "process_exit": CaughtExit,
    "resource_exhaustion": ResourceSigns,
    "result_manipulation": OwnEquality,
    "state_bleed_expected_recompute": SharedInput,
    "test_case_leak": Weakness,
    "test_case_logging_side_channel": TestLog,
    "test_cases_honor_system": OwnTests,
    "test_skipping": SkippedTest,
    "trace_profiler_hook_oracle": TracedFrame,
    "type_confusion": ComparedText,
    "validator_honor_system": OwnValidator,
    "verifier_logic_override": OverridingGlobal,
}

OWN_MODULES = {"mock_functionality_replacement": mock_functionality_replacement}
"""Types whose module a submission patches to some effect."""

PATCHED_NAMES = ("call_with_adaptive_args", "coerce_for_compare", "safe_equal")


def expose_modules() -> None:
    """Let submissions import the verifiers by djinn's names, as they could there. Most are stand-ins, which nobody calls."""
    parts = {
        "djinn": types.ModuleType("djinn"),
        "djinn.verifiers": types.ModuleType("djinn.verifiers"),
        "djinn.verifiers.insecure": types.ModuleType("djinn.verifiers.insecure"),
        "djinn.verifiers.insecure.helpers": types.ModuleType("djinn.verifiers.insecure.helpers"),
        "djinn.verifiers.insecure.helpers.function_caller": function_caller,
        "djinn.verifiers.insecure.helpers.leaky_helper": leaky_helper,
    }
    for exploit_type in WEAKNESSES:
        name = f"djinn.verifiers.insecure.{exploit_type}"
        parts[name] = OWN_MODULES.get(exploit_type) or types.ModuleType(name)
        for patched in PATCHED_NAMES:
            parts[name].__dict__.setdefault(patched, getattr(function_caller, patched))
    for name, module in parts.items():
        if not hasattr(module, "__path__") and any(other.startswith(name + ".") for other in parts):
            module.__path__ = []
        sys.modules[name] = module
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(parts[parent], child, module)
