"""Problem documents (RFC 9457): one shape, whatever was wrong."""

from __future__ import annotations

import pytest

from foundation import refusals
from foundation.refusals import TITLES, Conflict, NotFound, Problem, Refusal, problem


class BudgetEmpty(Conflict):
    code = "budgetEmpty"


def every_refusal(kind: type[Refusal] = Refusal) -> list[type[Refusal]]:
    return [one for sub in kind.__subclasses__() for one in (sub, *every_refusal(sub))]


def test_a_refusal_is_a_problem_document_with_its_code() -> None:
    assert BudgetEmpty("Het budget is leeg.", pointer="/amount").as_problem() == {
        "type": "urn:stadsbeurs:problem:budgetEmpty",
        "title": "Een regel staat dit niet toe",
        "status": 409,
        "detail": "Het budget is leeg.",
        "errors": [{"pointer": "/amount", "code": "budgetEmpty", "message": "Het budget is leeg."}],
    }


def test_several_errors_are_named_each() -> None:
    errors = [Problem("/a", "one", "een"), Problem("/b", "two", "twee")]
    document = NotFound("Twee dingen.", errors=errors).as_problem()
    assert [error["code"] for error in document["errors"]] == ["one", "two"]
    assert document["type"].endswith(":one")


def test_a_code_of_the_moment_wins_over_that_of_the_class() -> None:
    assert BudgetEmpty("x", code="dayFull").errors[0].code == "dayFull"


def test_a_problem_without_errors_is_named_by_its_status() -> None:
    assert problem(500, "Er ging iets mis.") == {
        "type": "urn:stadsbeurs:problem:500",
        "title": "Er ging iets mis",
        "status": 500,
        "detail": "Er ging iets mis.",
        "errors": [],
    }


@pytest.mark.parametrize("name", [name for name in dir(refusals) if name[0].isupper()])
def test_every_kind_of_refusal_has_a_status_with_a_title(name: str) -> None:
    kind = getattr(refusals, name)
    if isinstance(kind, type) and issubclass(kind, Refusal):
        assert kind.status in TITLES
        assert kind.code[0].islower()
        assert kind.code.isalnum()
