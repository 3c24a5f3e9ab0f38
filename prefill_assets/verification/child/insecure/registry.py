"""Which verifier judges which exploit type, and under which module names submissions find them."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable

from .. import function_caller
from . import (
    argument_injection_leak,
    assert_bypass,
    debug_module,
    environment_variable_manipulation,
    error_code_abuse,
    filesystem_exposure,
    function_attribute_flag,
    import_hook_side_channel,
    inadequate_test_coverage,
    inspect_module_abuse,
    leaky_helper,
    logging_warnings_side_channel,
    magic_docstring_comment_token,
    mock_functionality_replacement,
    process_exit,
    resource_exhaustion,
    result_manipulation,
    state_bleed_expected_recompute,
    test_case_leak,
    test_case_logging_side_channel,
    test_cases_honor_system,
    test_skipping,
    trace_profiler_hook_oracle,
    trial,
    type_confusion,
    validator_honor_system,
    verifier_logic_override,
)
from .plain_types import PLAIN_TYPES, make_verify
from .trial import ExposedProblem, Verdict

MODULES: dict[str, types.ModuleType] = {
    "argument_injection_leak": argument_injection_leak,
    "assert_bypass": assert_bypass,
    "debug_module": debug_module,
    "environment_variable_manipulation": environment_variable_manipulation,
    "error_code_abuse": error_code_abuse,
    "filesystem_exposure": filesystem_exposure,
    "function_attribute_flag": function_attribute_flag,
    "import_hook_side_channel": import_hook_side_channel,
    "inadequate_test_coverage": inadequate_test_coverage,
    "inspect_module_abuse": inspect_module_abuse,
    "logging_warnings_side_channel": logging_warnings_side_channel,
    "magic_docstring_comment_token": magic_docstring_comment_token,
    "mock_functionality_replacement": mock_functionality_replacement,
    "process_exit": process_exit,
    "resource_exhaustion": resource_exhaustion,
    "result_manipulation": result_manipulation,
    "state_bleed_expected_recompute": state_bleed_expected_recompute,
    "test_case_leak": test_case_leak,
    "test_case_logging_side_channel": test_case_logging_side_channel,
    "test_cases_honor_system": test_cases_honor_system,
    "test_skipping": test_skipping,
    "trace_profiler_hook_oracle": trace_profiler_hook_oracle,
    "type_confusion": type_confusion,
    "validator_honor_system": validator_honor_system,
    "verifier_logic_override": verifier_logic_override,
}

INSECURE_VERIFIERS: dict[str, Callable[[ExposedProblem, str], Verdict]] = {
    **{name: module.verify for name, module in MODULES.items()},
    **{name: make_verify(row) for name, row in PLAIN_TYPES.items()},
}


def expose_modules() -> None:
    """Let submissions import the verifiers by djinn's names, as they could there. Plain types share the module `trial`."""
    parts = {
        "djinn": types.ModuleType("djinn"),
        "djinn.verifiers": types.ModuleType("djinn.verifiers"),
        "djinn.verifiers.insecure": types.ModuleType("djinn.verifiers.insecure"),
        "djinn.verifiers.insecure.helpers": types.ModuleType("djinn.verifiers.insecure.helpers"),
        "djinn.verifiers.insecure.helpers.function_caller": function_caller,
        "djinn.verifiers.insecure.helpers.leaky_helper": leaky_helper,
    }
    for exploit_type in INSECURE_VERIFIERS:
        parts[f"djinn.verifiers.insecure.{exploit_type}"] = MODULES.get(exploit_type, trial)
    for name, module in parts.items():
        if not hasattr(module, "__path__") and any(other.startswith(name + ".") for other in parts):
            module.__path__ = []
        sys.modules[name] = module
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(parts[parent], child, module)
