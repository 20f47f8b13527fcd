"""The other three services in one file: they do what they are asked, also when the asker dies."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from quintet.errors import DeadlineException, UnavailableException
from quintet.wire import Response

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from quintet.wire import Request


STOCK = 10
PRICE = 1999
EMPTY: dict[str, Any] = {
    "active": True,
    "reservations": {},
    "payments": {},
    "stock": STOCK,
    "requests": 0,
}


@dataclass(frozen=True, slots=True)
class Refused(Exception):
    """One of the services says no."""

    status: int
    code: str
    details: dict[str, Any] = field(default_factory=dict)


def die(number: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class World:
    """A transport that answers like users, products and payments, and goes wrong as told."""

    def __init__(self, file: Path, *, faults: dict[int, str] | None = None) -> None:
        self.file = file
        self.faults = faults or {}
        self.watch: Callable[[int], None] = lambda _: None

    @property
    def state(self) -> dict[str, Any]:
        return (
            json.loads(self.file.read_text())
            if self.file.exists()
            else json.loads(json.dumps(EMPTY))
        )

    def send(self, request: Request) -> Response:
        state = self.state
        state["requests"] += 1
        fault = self.faults.get(state["requests"], "")
        answer = None
        if fault.startswith("refuse"):
            rule = {"business_rule": fault.split()[1]}
            answer = _envelope(Refused(422, "BUSINESS_LOGIC_ERROR", rule))
        elif not fault.endswith("before"):
            answer = self._answer(request, state)
        self.file.write_text(json.dumps(state))
        self.watch(state["requests"])
        if fault.startswith("kill"):
            die(state["requests"])
        if fault.startswith("silence"):
            raise DeadlineException("No answer in time.")
        if fault.startswith("away"):
            raise UnavailableException("Cannot be reached.")
        return answer or Response(status=502, body=b"<html>Bad Gateway</html>")

    def _answer(self, request: Request, state: dict[str, Any]) -> Response:
        parts = [part for part in request.target.split("?")[0].split("/") if part]
        body = json.loads(request.body) if request.body else {}
        reference = body.get("reference") or (parts[3:4] and parts[3])
        deed = "_".join([parts[2], *parts[4:5], *([] if parts[4:5] else [request.method.lower()])])
        try:
            made = getattr(self, deed)(state, reference, body)
        except Refused as refused:
            return _envelope(refused)
        return Response(
            status=200,
            headers={"content-type": "application/json"},
            body=json.dumps(made).encode(),
        )

    def users_get(self, state: Any, reference: str, body: Any) -> Any:
        return {"id": 7, "is_active": state["active"]}

    def reservations_post(self, state: Any, reference: str, body: Any) -> Any:
        wanted = sum(line["quantity"] for line in body["lines"])
        status = state["reservations"].get(reference, {}).get("status")
        if status == "released":
            raise Refused(409, "CONFLICT")
        if status is None:
            if state["stock"] < wanted:
                rule = {"business_rule": "out_of_stock"}
                raise Refused(422, "BUSINESS_LOGIC_ERROR", rule)
            state["stock"] -= wanted
            state["reservations"][reference] = {"status": "reserved", "quantity": wanted}
        lines = [
            {**line, "name": "Lamp", "unit_price_amount": PRICE, "currency": "EUR"}
            for line in body["lines"]
        ]
        return {
            "reference": reference,
            "status": "reserved",
            "lines": lines,
            "total_amount": PRICE * wanted,
            "currency": "EUR",
        }

    def reservations_commit(self, state: Any, reference: str, body: Any) -> Any:
        made = state["reservations"].get(reference, {"status": "released"})
        if made["status"] == "released":
            raise Refused(409, "CONFLICT")
        made["status"] = "committed"
        return made

    def reservations_release(self, state: Any, reference: str, body: Any) -> Any:
        made = state["reservations"].setdefault(reference, {"status": "released", "quantity": 0})
        if made["status"] != "released":
            state["stock"] += made["quantity"]
            made["status"] = "released"
        return made

    def payments_post(self, state: Any, reference: str, body: Any) -> Any:
        made = state["payments"].setdefault(
            reference, {"status": "authorised", "amount": body["amount"]}
        )
        if made["status"] == "voided":
            raise Refused(409, "CONFLICT")
        return made

    def payments_capture(self, state: Any, reference: str, body: Any) -> Any:
        made = state["payments"].get(reference, {"status": "voided"})
        if made["status"] not in {"authorised", "captured"}:
            raise Refused(409, "CONFLICT")
        made["status"] = "captured"
        return made

    def payments_void(self, state: Any, reference: str, body: Any) -> Any:
        made = state["payments"].setdefault(reference, {"status": "voided", "amount": 0})
        if made["status"] in {"captured", "refunded"}:
            raise Refused(409, "CONFLICT")
        made["status"] = "voided"
        return made

    def payments_refund(self, state: Any, reference: str, body: Any) -> Any:
        made = state["payments"].get(reference)
        if made is None or made["status"] not in {"captured", "refunded"}:
            raise Refused(409, "CONFLICT")
        made["status"] = "refunded"
        return made


def _envelope(refused: Refused) -> Response:
    error = {"code": refused.code, "message": "No.", "details": refused.details}
    return Response(
        status=refused.status,
        headers={"content-type": "application/json"},
        body=json.dumps({"error": error}).encode(),
    )
