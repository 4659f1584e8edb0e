"""Requests and answers, and the ways in which WordPress says no."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cuadra_simulators.web import Headers as Headers
from cuadra_simulators.web import Reply as Reply
from cuadra_simulators.web import Request as Request
from cuadra_simulators.woocommerce.shapes.common import to_json

JSON_TYPE = "application/json; charset=UTF-8"
HTML_TYPE = "text/html; charset=UTF-8"


@dataclass(slots=True)
class Answer:
    """What a route answers, before it becomes bytes: data, and headers that belong to it."""

    data: Any
    status: int = 200
    headers: Headers = field(default_factory=list)


class RestError(Exception):
    """A refusal with WordPress's code. `bare` puts a number where the data object should be, and answers 500."""

    def __init__(self, code: str, message: str, status: int, *, bare: bool = False, **data: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = 500 if bare else status
        self.data: Any = status if bare else {"status": status, **data}

    def shape(self) -> dict[str, Any]:
        """As it stands in the body."""
        return {"code": self.code, "message": self.message, "data": self.data}


def reply_json(status: int, data: Any, headers: Headers) -> Reply:
    """An answer in WordPress's JSON."""
    return Reply(status, to_json(data), headers)


def no_route() -> RestError:
    """What every path and method gets that nobody registered."""
    return RestError("rest_no_route", "No route was found matching the URL and request method.", 404)


def cannot(what: str, status: int) -> RestError:
    """Not allowed: 401 to strangers, 403 to those who are known."""
    words = {
        "list": ("view", "Sorry, you cannot list resources."),
        "view": ("view", "Sorry, you cannot view this resource."),
        "create": ("create", "Sorry, you are not allowed to create resources."),
        "edit": ("edit", "Sorry, you are not allowed to edit this resource."),
        "delete": ("delete", "Sorry, you are not allowed to delete this resource."),
        "batch": ("batch", "Sorry, you are not allowed to batch manipulate this resource."),
    }
    code, message = words[what]
    return RestError(f"woocommerce_rest_cannot_{code}", message, status)
