"""The studio is asked whatever its own description allows, and much that it does not.

``make fuzz-requests`` runs it in an environment of its own, which holds schemathesis.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import given

from cleanplate.studio.server import ROOMS
from tests.fuzz.damage import CASES, many
from tests.studio.serving import Client

schemathesis: Any = pytest.importorskip("schemathesis", reason="make fuzz-requests installs it")

pytestmark = pytest.mark.fuzz

EACH = CASES / 100
LEFT_OUT = {
    ("POST", "/api/training"): "begins trainings, one after the other",
    ("POST", "/api/training/{what}"): "takes them up again",
    ("POST", "/api/clips"): "copies whatever file of the machine is named",
    ("POST", "/api/clips/record"): "opens whatever address is named",
    ("POST", "/api/clips/example"): "draws for seconds",
    ("POST", "/api/exports"): "works for seconds",
}
"""What has effects beyond an answer, and why it is not asked at random."""


def _operations() -> dict[tuple[str, str], Any]:
    app = FastAPI()
    for room in ROOMS:
        app.include_router(room.router)
    schema = schemathesis.openapi.from_dict(app.openapi())
    found = (result.ok() for result in schema.get_all_operations())
    return {(one.method.upper(), one.path): one for one in found}


OPERATIONS = _operations()


def test_what_is_left_out_is_there() -> None:
    assert set(LEFT_OUT) < set(OPERATIONS)


@pytest.fixture(scope="module")
def asked() -> list[int]:
    return []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("key", sorted(set(OPERATIONS) - set(LEFT_OUT)), ids=" ".join)
def test_any_request_is_answered_or_refused_in_words(
    key: tuple[str, str], client: Client, asked: list[int]
) -> None:
    @many(EACH)
    @given(case=OPERATIONS[key].as_strategy())
    def check(case: Any) -> None:
        answer = case.call(
            base_url=f"http://127.0.0.1:{client.port}", headers={"x-cleanplate": "1"}, timeout=10
        )
        asked.append(answer.status_code)
        assert answer.status_code < 500, (answer.status_code, answer.text[:300])
        assert b"Traceback" not in answer.content
        if answer.status_code >= 400 and re.match("application/json", _kind(answer)):
            assert answer.json()["error"].strip()

    check()
    assert client.get("/api/project").status == 200


def _kind(answer: Any) -> str:
    return str(answer.headers.get("content-type", ""))
