"""The door for the orders service: put goods aside, hand them over, take them back."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.response import Response

from products import domain
from products.models import (
    LONGEST_REFERENCE,
    MOST_AT_ONCE,
    REFERENCE,
    Reservation,
    ReservationLine,
)
from quintet.auth import service
from quintet.views.serializers import StrictSerializer
from quintet.views.sets import ServiceViewSet

if TYPE_CHECKING:
    from rest_framework.request import Request

MOST_LINES: Final = 100
HIGHEST_ID: Final = 2**63 - 1

REQUEST: Final = OpenApiExample(
    "Two lamps",
    value={"reference": "order-1c9f", "lines": [{"product_id": 12, "quantity": 2}]},
    request_only=True,
)
ANSWER: Final = OpenApiExample(
    "Two lamps, reserved",
    value={
        "reference": "order-1c9f",
        "status": "reserved",
        "lines": [
            {
                "product_id": 12,
                "quantity": 2,
                "unit_price_amount": 1999,
                "currency": "EUR",
                "name": "Lamp",
            }
        ],
        "total_amount": 3998,
        "currency": "EUR",
        "expires_at": "2026-01-05T10:15:00Z",
    },
    response_only=True,
)


class WishSerializer(StrictSerializer[ReservationLine]):
    """One product and how many of it."""

    product_id = serializers.IntegerField(min_value=1, max_value=HIGHEST_ID)
    quantity = serializers.IntegerField(min_value=1, max_value=MOST_AT_ONCE)


class ReserveSerializer(StrictSerializer[Reservation]):
    """What to put aside, under which reference."""

    reference = serializers.RegexField(
        rf"\A{REFERENCE}\Z", max_length=LONGEST_REFERENCE, trim_whitespace=False
    )
    lines = serializers.ListField(child=WishSerializer(), allow_empty=False, max_length=MOST_LINES)

    def validate_lines(self, lines: list[dict[str, int]]) -> list[dict[str, int]]:
        """Refuse a product that stands in two lines: nobody knows which of them is meant."""
        if len({line["product_id"] for line in lines}) < len(lines):
            raise serializers.ValidationError("Each product may stand in one line only.")
        return lines


class LineSerializer(serializers.ModelSerializer[ReservationLine]):
    """A line at the price of the moment of the reservation."""

    class Meta:
        model = ReservationLine
        fields = ("product_id", "quantity", "unit_price_amount", "currency", "name")
        read_only_fields = fields


class ReservationSerializer(serializers.ModelSerializer[Reservation]):
    """A reservation; one that was released before it was made has no lines."""

    lines = LineSerializer(many=True, read_only=True)
    total_amount = serializers.IntegerField(read_only=True)
    currency = serializers.CharField(read_only=True)

    class Meta:
        model = Reservation
        fields = ("reference", "status", "lines", "total_amount", "currency", "expires_at")
        read_only_fields = fields


@extend_schema_view(retrieve=extend_schema(summary="Look at a reservation", examples=[ANSWER]))
class ReservationViewSet(mixins.RetrieveModelMixin, ServiceViewSet[Reservation]):
    """Goods that were put aside for an order."""

    queryset = Reservation.objects.prefetch_related("lines")
    serializer_class = ReservationSerializer
    lookup_field = "reference"
    lookup_value_converter = "reference"
    permissions: ClassVar = {
        "create": service("orders"),
        "retrieve": service("orders"),
        "commit": service("orders"),
        "release": service("orders"),
    }

    @extend_schema(
        summary="Reserve",
        request=ReserveSerializer,
        responses={200: ReservationSerializer, 201: ReservationSerializer},
        examples=[REQUEST, ANSWER],
    )
    def create(self, request: Request) -> Response:
        """Put everything aside, or nothing; the same again changes nothing and answers 200."""
        asked = ReserveSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = {line["product_id"]: line["quantity"] for line in asked.validated_data["lines"]}
        reservation, created = domain.reserve(asked.validated_data["reference"], wanted)
        return Response(
            ReservationSerializer(reservation).data,
            status=status.HTTP_201_CREATED if created else status.HTTP_200_OK,
        )

    @extend_schema(
        summary="Commit", request=None, responses=ReservationSerializer, examples=[ANSWER]
    )
    @action(detail=True, methods=["post"])
    def commit(self, _request: Request, reference: str) -> Response:
        """Hand the goods over; once released they are gone, which is a 409."""
        return Response(ReservationSerializer(domain.commit(reference)).data)

    @extend_schema(
        summary="Release", request=None, responses=ReservationSerializer, examples=[ANSWER]
    )
    @action(detail=True, methods=["post"])
    def release(self, _request: Request, reference: str) -> Response:
        """Return the goods, committed ones too; an unknown reference is barred from now on."""
        return Response(ReservationSerializer(domain.release(reference)).data)
