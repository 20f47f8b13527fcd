"""HTTP in: users look at their payments, the orders service makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import django_filters
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.response import Response

from payments import domain
from payments.models import (
    CURRENCIES,
    HIGHEST_AMOUNT,
    LONGEST_METHOD,
    LONGEST_REFERENCE,
    REFERENCE,
    Payment,
    Receipt,
    Status,
)
from quintet.auth import Authenticated, service
from quintet.views.serializers import StrictSerializer
from quintet.views.sets import ReadViewSet, ServiceViewSet

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request

HIGHEST_ID: Final = 2**63 - 1

SHOWN: Final = {
    "reference": "order-1c9f",
    "user_id": 3,
    "status": "captured",
    "amount": 3998,
    "currency": "EUR",
    "method": "card-ok",
    "captured_amount": 3998,
    "refunded_amount": 0,
    "refusal": "",
    "created_at": "2026-01-05T10:00:00Z",
    "updated_at": "2026-01-05T10:00:01Z",
}
RECEIVED: Final = {
    "number": 17,
    "reference": "order-1c9f",
    "amount": 3998,
    "currency": "EUR",
    "issued_at": "2026-01-05T10:00:02Z",
    "cancelled_at": None,
    "document": "Receipt 17\nOrder order-1c9f\nIssued 2026-01-05 10:00 UTC\nPaid 3998 EUR, in its"
    " smallest unit",
}
RECEIPT: Final = OpenApiExample("A receipt", value=RECEIVED, response_only=True)
PAYMENT: Final = OpenApiExample("A payment", value=SHOWN, response_only=True)
AUTHORISED: Final = OpenApiExample(
    "Money on hold",
    value={**SHOWN, "status": "authorised", "captured_amount": 0},
    response_only=True,
)
VOIDED: Final = OpenApiExample(
    "Money let go",
    value={**SHOWN, "status": "voided", "captured_amount": 0},
    response_only=True,
)
REFUNDED: Final = OpenApiExample(
    "Money returned",
    value={**SHOWN, "status": "refunded", "refunded_amount": 3998},
    response_only=True,
)


class PaymentSerializer(serializers.ModelSerializer[Payment]):
    """A payment; one that was voided before it was made has no user and no amount."""

    class Meta:
        model = Payment
        fields = tuple(SHOWN)
        read_only_fields = fields


class ReceiptSerializer(serializers.ModelSerializer[Receipt]):
    """A receipt; one that is cancelled says when."""

    class Meta:
        model = Receipt
        fields = tuple(RECEIVED)
        read_only_fields = fields


class WantedSerializer(StrictSerializer[Payment]):
    """Whose money to hold; the method is a token, and nothing that looks like a card number."""

    reference = serializers.RegexField(
        rf"\A{REFERENCE}\Z", max_length=LONGEST_REFERENCE, trim_whitespace=False
    )
    user_id = serializers.IntegerField(min_value=1, max_value=HIGHEST_ID)
    amount = serializers.IntegerField(
        min_value=1, max_value=HIGHEST_AMOUNT, help_text="In the smallest unit of the currency."
    )
    currency = serializers.ChoiceField(choices=sorted(CURRENCIES), help_text="ISO 4217.")
    method = serializers.RegexField(
        r"\Acard-[a-z]+(-[a-z]+)*\Z",
        max_length=LONGEST_METHOD,
        trim_whitespace=False,
        help_text="The token of a card: words of small letters.",
    )


class RefundSerializer(StrictSerializer[Payment]):
    """How much to return; everything, when nothing is said."""

    amount = serializers.IntegerField(min_value=1, max_value=HIGHEST_AMOUNT, required=False)


class PaymentFilter(django_filters.FilterSet):  # type: ignore[misc]  # it has no types
    """Which of one's payments to list."""

    status = django_filters.ChoiceFilter(choices=Status.choices)
    currency = django_filters.ChoiceFilter(choices=[(code, code) for code in sorted(CURRENCIES)])

    class Meta:
        model = Payment
        fields: ClassVar[list[str]] = []


@extend_schema_view(
    list=extend_schema(summary="Look at one's payments", examples=[PAYMENT]),
    retrieve=extend_schema(summary="Look at a payment", examples=[PAYMENT]),
)
class PaymentViewSet(ReadViewSet[Payment]):
    """The payments of whoever asks; to anybody else but staff they do not exist."""

    queryset = Payment.objects.all()
    serializer_class = PaymentSerializer
    filterset_class = PaymentFilter
    ordering_fields = ("created_at", "amount")
    lookup_field = "reference"
    lookup_value_converter = "reference"
    owner_field = "user_id"
    permissions: ClassVar = {"list": Authenticated, "retrieve": Authenticated}

    def get_queryset(self) -> QuerySet[Payment]:
        """Show users their own payments."""
        return self.owned(super().get_queryset())


@extend_schema_view(
    list=extend_schema(summary="Look at one's receipts", examples=[RECEIPT]),
    retrieve=extend_schema(summary="Look at a receipt", examples=[RECEIPT]),
)
class ReceiptViewSet(ReadViewSet[Receipt]):
    """The receipts of whoever asks; an order has one a moment after it was confirmed."""

    queryset = Receipt.objects.all()
    serializer_class = ReceiptSerializer
    ordering_fields = ("number", "amount")
    lookup_field = "reference"
    lookup_value_converter = "reference"
    owner_field = "user_id"
    permissions: ClassVar = {"list": Authenticated, "retrieve": Authenticated}

    def get_queryset(self) -> QuerySet[Receipt]:
        """Show users their own receipts."""
        return self.owned(super().get_queryset())


@extend_schema_view(
    retrieve=extend_schema(
        operation_id="internal_payments_retrieve", summary="Look at a payment", examples=[PAYMENT]
    )
)
class InternalPaymentViewSet(mixins.RetrieveModelMixin, ServiceViewSet[Payment]):
    """Money that is moved for an order; every request may be repeated."""

    queryset = Payment.objects.all()
    serializer_class = PaymentSerializer
    lookup_field = "reference"
    lookup_value_converter = "reference"
    permissions: ClassVar = {
        "create": service("orders"),
        "retrieve": service("orders"),
        "capture": service("orders"),
        "refund": service("orders"),
        "void": service("orders"),
    }

    @extend_schema(
        summary="Authorise",
        request=WantedSerializer,
        responses={200: PaymentSerializer, 201: PaymentSerializer},
        examples=[
            OpenApiExample(
                "Hold 39.98 EUR",
                value={
                    name: SHOWN[name]
                    for name in ("reference", "user_id", "amount", "currency", "method")
                },
                request_only=True,
            ),
            AUTHORISED,
        ],
    )
    def create(self, request: Request) -> Response:
        """Hold the money; the same again changes nothing and answers 200."""
        asked = WantedSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        payment, created = domain.authorise(domain.Wanted(**asked.validated_data))
        return Response(
            PaymentSerializer(payment).data,
            status=status.HTTP_201_CREATED if created else status.HTTP_200_OK,
        )

    @extend_schema(summary="Capture", request=None, responses=PaymentSerializer, examples=[PAYMENT])
    @action(detail=True, methods=["post"])
    def capture(self, _request: Request, reference: str) -> Response:
        """Take the money that is held."""
        return Response(PaymentSerializer(domain.capture(reference)).data)

    @extend_schema(
        summary="Refund",
        request=RefundSerializer,
        responses=PaymentSerializer,
        examples=[
            OpenApiExample("All of it", value={}, request_only=True),
            OpenApiExample("A part of it", value={"amount": 1000}, request_only=True),
            REFUNDED,
        ],
    )
    @action(detail=True, methods=["post"])
    def refund(self, request: Request, reference: str) -> Response:
        """Return what was taken, or a part of it, once."""
        asked = RefundSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(PaymentSerializer(domain.refund(reference, **asked.validated_data)).data)

    @extend_schema(summary="Void", request=None, responses=PaymentSerializer, examples=[VOIDED])
    @action(detail=True, methods=["post"])
    def void(self, _request: Request, reference: str) -> Response:
        """Let go of what is held; an unknown reference is barred from now on."""
        return Response(PaymentSerializer(domain.void(reference)).data)
