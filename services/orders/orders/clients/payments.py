"""What orders asks of payments: to hold, to take and to return money."""

from __future__ import annotations

from orders.clients.blame import expect, expecting
from orders.clients.generated.payments import PaymentsApi, WantedRequest
from quintet.errors import BusinessLogicException, ConflictException, ValidationException


class PaymentsClient:
    """Asks payments to hold, take and return money."""

    def __init__(self) -> None:
        self._payments = PaymentsApi()

    def authorise(
        self, reference: str, *, user_id: int, amount: int, currency: str, method: str
    ) -> None:
        """Hold the amount; what the buyer chose may be something that payments does not take."""
        wanted = WantedRequest(
            reference=reference, user_id=user_id, amount=amount, currency=currency, method=method
        )
        with expecting(self._payments.service):
            try:
                made = self._payments.authorise(wanted, idempotency_key=reference)
            except ValidationException as error:
                raise BusinessLogicException(
                    "This amount cannot be paid by this method.",
                    business_rule="payment_not_accepted",
                ) from error
        expect(made.status, "authorised", service=self._payments.service)

    def capture(self, reference: str) -> None:
        """Take the money that is held."""
        with expecting(self._payments.service):
            made = self._payments.capture(reference, idempotency_key=reference)
        expect(made.status, "captured", service=self._payments.service)

    def give_back(self, reference: str) -> None:
        """Let the money go, or return it if it was taken; void decides which of both it is."""
        with expecting(self._payments.service):
            try:
                self._payments.void(reference, idempotency_key=reference)
            except ConflictException:
                self._payments.refund(reference, idempotency_key=reference)
