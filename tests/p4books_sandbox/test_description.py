"""How does the sandbox describe itself at /docs?"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, assume, settings
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig

from p4books_sandbox import Options, Sandbox
from p4books_sandbox.app import Desk, make_app
from p4books_sandbox.contract import ENDPOINTS
from p4books_sandbox.sandbox import books_of

Ask = Callable[..., requests.Response]
Test = Callable[..., None]

bounded = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox of this file's own, since posting changes it."""
    with Sandbox(invoices=20, limit=0) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def document(sandbox: Sandbox, ask: Ask) -> dict[str, Any]:
    """What the sandbox says of itself."""
    found: dict[str, Any] = ask(sandbox, _root(sandbox) + "/openapi.json").json()
    return found


def test_the_page(sandbox: Sandbox, ask: Ask) -> None:
    """The page is there, without key."""
    answer = ask(sandbox, _root(sandbox) + "/docs", headers={"Authorization": ""})

    assert answer.status_code == 200
    assert "P4 Books sandbox" in answer.text


def test_the_eleven(document: dict[str, Any]) -> None:
    """The eleven operations are described, and the control is not."""
    described = {
        (path.removeprefix("/api/v1/"), method.upper())
        for path, methods in document["paths"].items()
        for method in methods
    }

    assert document["info"]["title"] == "P4 Books sandbox"
    assert described == {(e.path, method) for e in ENDPOINTS for method in e.methods.split(", ")}


def test_the_schemas(document: dict[str, Any]) -> None:
    """What is sent and what comes back is described by name."""
    invoices = document["paths"]["/api/v1/invoices"]
    body = invoices["post"]["requestBody"]["content"]["application/json"]["schema"]
    page = invoices["get"]["responses"]["200"]["content"]["application/json"]["schema"]

    assert body == {"$ref": "#/components/schemas/NewInvoice"}
    assert page == {"$ref": "#/components/schemas/Page_Invoice_"}
    assert "lines" in document["components"]["schemas"]["NewInvoice"]["properties"]
    assert [each["name"] for each in invoices["get"]["parameters"]] == ["page", "page_size"]
    assert document["components"]["securitySchemes"]["ApiKey"]["scheme"] == "bearer"


@pytest.mark.parametrize(("twins", "said"), [("made", False), ("conflict", True)])
def test_a_conflict_is_described(ask: Ask, twins: str, said: bool) -> None:
    """A 409 is described where a POST can be answered with it, and nowhere else."""
    with Sandbox(empty=True, twins=twins) as sandbox:
        paths = ask(sandbox, _root(sandbox) + "/openapi.json").json()["paths"]

    told = {"409" in operation["responses"] for operation in _posts(paths)}
    assert told == {said}
    assert "409" not in paths["/api/v1/invoices"]["get"]["responses"]


def _posts(paths: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (methods["post"] for methods in paths.values() if "post" in methods)


def _root(sandbox: Sandbox) -> str:
    return sandbox.base_url.removesuffix("/api/v1")


def every_operation() -> Callable[[Test], Test]:
    """Run a test for each operation as the sandbox itself describes it."""
    app: Any = make_app(Desk(Options(), books_of({})))
    project = ProjectConfig(generation=GenerationConfig(deterministic=True))
    config = SchemathesisConfig(projects=ProjectsConfig(default=project))
    schema = schemathesis.openapi.from_dict(app._app.openapi(), config=config)
    parametrize: Callable[[Test], Test] = schema.parametrize()
    return parametrize


@every_operation()
@bounded
def test_it_keeps_its_word(case: Any, sandbox: Sandbox) -> None:
    """What is described as right is taken, and what is not is refused."""
    assume(not (isinstance(case.body, dict) and "id" in case.body))
    with requests.Session() as session:
        case.call_and_validate(
            base_url=_root(sandbox),
            session=session,
            headers={"Authorization": f"Bearer {sandbox.key}"},
        )
