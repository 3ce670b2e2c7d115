"""Does the sandbox keep the contract?"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CheckFunction
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from p4books_sandbox import Sandbox
from p4books_sandbox.contract import ENDPOINTS

CONTRACT = Path(__file__).parent / "openapi.yaml"

Test = Callable[..., None]

bounded = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox of this file's own, since posting changes it."""
    with Sandbox(invoices=60, limit=0) as sandbox:
        yield sandbox


def every(mode: GenerationMode) -> Callable[[Test], Test]:
    """Run a test for each operation of the contract, with requests it allows or does not."""
    parametrize: Callable[[Test], Test] = _contract(mode).parametrize()
    return parametrize


def _contract(mode: GenerationMode) -> Any:
    project = ProjectConfig(generation=GenerationConfig(modes=[mode], deterministic=True))
    config = SchemathesisConfig(projects=ProjectsConfig(default=project))
    return schemathesis.openapi.from_path(CONTRACT, config=config)


def _check(sandbox: Sandbox, case: Any, *but: CheckFunction) -> None:
    with requests.Session() as session:
        case.call_and_validate(
            base_url=sandbox.base_url,
            session=session,
            headers={"Authorization": f"Bearer {sandbox.key}"},
            excluded_checks=list(but),
        )


@every(GenerationMode.POSITIVE)
@bounded
def test_right_requests(case: Any, sandbox: Sandbox) -> None:
    """Whatever the contract allows is answered as it says.

    Its bodies are any objects, of which the sandbox takes those whose fields have the right types.
    """
    loose = [checks.positive_data_acceptance] if case.method == "POST" else []
    _check(sandbox, case, *loose)


@every(GenerationMode.NEGATIVE)
@bounded
def test_wrong_requests(case: Any, sandbox: Sandbox) -> None:
    """Whatever the contract does not allow is refused; it names no status for a bad page."""
    _check(sandbox, case, checks.status_code_conformance)


def test_eleven_operations() -> None:
    """The sandbox has the contract's eleven operations and no others."""
    paths = _contract(GenerationMode.POSITIVE).raw_schema["paths"]

    told = {(path.strip("/"), method.upper()) for path in paths for method in paths[path]}
    ours = {(each.path, method) for each in ENDPOINTS for method in each.methods.split(", ")}

    assert ours == told
    assert len(ours) == 11
