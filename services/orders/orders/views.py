"""HTTP in: place an order, look at one's own and at what became of it, cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import django_filters
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.response import Response

from orders import domain
from orders.models import Order, OrderLine, OrderStep, Status
from quintet.auth import Authenticated
from quintet.views.idempotency.once import deed_of, idempotent
from quintet.views.serializers import StrictSerializer
from quintet.views.sets import ServiceViewSet

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request

LINES_MAX = 50
QUANTITY_MAX = 1000
ID_MAX = 2**63 - 1
NOBODY = 0

EXAMPLE = {
    "id": 7,
    "user_id": 3,
    "status": "confirmed",
    "lines": [{"product_id": 12, "quantity": 2, "name": "Lamp", "unit_price_amount": 1999}],
    "total_amount": 3998,
    "currency": "EUR",
    "payment_method": "card-ok",
    "failure_rule": "",
    "failure_reason": "",
    "created_at": "2026-01-05T10:00:00Z",
    "updated_at": "2026-01-05T10:00:01Z",
}
CONFIRMED = OpenApiExample("Confirmed", value=EXAMPLE, response_only=True)
CANCELLED = OpenApiExample(
    "Cancelled", value={**EXAMPLE, "status": "cancelled"}, response_only=True
)

REFUSED = {"failure_rule": "out_of_stock", "failure_reason": "There is not enough in stock."}
STEP = {"resumed": False, "failure_rule": "", "failure_reason": ""}
TIMELINE = OpenApiExample(
    "Sold out",
    value={
        "order_id": 7,
        "steps": [
            {"status": "placed", "happened_at": "2026-01-05T10:00:00Z", **STEP},
            {"status": "verified", "happened_at": "2026-01-05T10:00:00.021Z", **STEP},
            {"status": "undoing", "happened_at": "2026-01-05T10:00:00.050Z", **STEP, **REFUSED},
            {"status": "failed", "happened_at": "2026-01-05T10:00:00.058Z", **STEP, **REFUSED},
        ],
    },
    response_only=True,
)


class WishSerializer(StrictSerializer[OrderLine]):
    """One product and how many of it."""

    product_id = serializers.IntegerField(min_value=1, max_value=ID_MAX)
    quantity = serializers.IntegerField(min_value=1, max_value=QUANTITY_MAX)


class PlaceSerializer(StrictSerializer[Order]):
    """What to buy, and how it will be paid for."""

    lines = serializers.ListField(child=WishSerializer(), min_length=1, max_length=LINES_MAX)
    payment_method = serializers.RegexField(
        r"\A[a-z]+(-[a-z]+)*\Z",
        max_length=64,
        help_text="The token of a card, never its number: words of small letters.",
    )

    def validate_lines(self, lines: list[dict[str, int]]) -> list[dict[str, int]]:
        """Refuse a product that stands in two lines: the buyer decides how many it shall be."""
        if len({line["product_id"] for line in lines}) < len(lines):
            raise serializers.ValidationError("Each product may stand in one line only.")
        return lines


class LineSerializer(serializers.ModelSerializer[OrderLine]):
    """A line; name and price are known once the goods are reserved."""

    class Meta:
        model = OrderLine
        fields = ["product_id", "quantity", "name", "unit_price_amount"]
        read_only_fields = fields


class OrderSerializer(serializers.ModelSerializer[Order]):
    """An order as its owner sees it."""

    lines = LineSerializer(many=True, read_only=True)

    class Meta:
        model = Order
        fields = list(EXAMPLE)
        read_only_fields = fields


class StepSerializer(serializers.ModelSerializer[OrderStep]):
    """A status that the order came to, when, and if it turned round, why."""

    class Meta:
        model = OrderStep
        fields = ["status", "happened_at", "resumed", "failure_rule", "failure_reason"]
        read_only_fields = fields
        extra_kwargs: ClassVar = {
            "resumed": {"help_text": "Whoever was at work did not get so far; another process did."}
        }


class TimelineSerializer(serializers.ModelSerializer[Order]):
    """What became of an order, the first step first."""

    order_id = serializers.IntegerField(source="pk", read_only=True)
    steps = StepSerializer(many=True, read_only=True, source="timeline")

    class Meta:
        model = Order
        fields = ["order_id", "steps"]


class OrderFilter(django_filters.FilterSet):  # type: ignore[misc]  # it has no types
    """Which of one's orders to list."""

    status = django_filters.ChoiceFilter(choices=Status.choices)

    class Meta:
        model = Order
        fields = ["status"]


@extend_schema_view(
    list=extend_schema(summary="Look at one's orders", examples=[CONFIRMED]),
    retrieve=extend_schema(summary="Look at an order", examples=[CONFIRMED]),
)
class OrderViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ServiceViewSet[Order]):
    """The orders of whoever asks; to anybody else they do not exist."""

    queryset = Order.objects.prefetch_related("lines")
    serializer_class = OrderSerializer
    filterset_class = OrderFilter
    lookup_value_converter = "int"
    ordering_fields = ["id", "created_at", "total_amount"]
    permissions: ClassVar = {
        "list": Authenticated,
        "create": Authenticated,
        "retrieve": Authenticated,
        "timeline": Authenticated,
        "cancel": Authenticated,
    }

    def get_queryset(self) -> QuerySet[Order]:
        """Show everybody their own orders; staff may look at a single one of others."""
        everything = super().get_queryset()
        if self.action in {"retrieve", "timeline"} and self.principal.is_staff:
            return everything
        return everything.filter(user_id=self._buyer())

    @extend_schema(
        operation_id="orders_place",
        summary="Place an order",
        request=PlaceSerializer,
        responses={201: OrderSerializer},
        examples=[
            OpenApiExample(
                "Two lamps",
                value={"lines": [{"product_id": 12, "quantity": 2}], "payment_method": "card-ok"},
                request_only=True,
            ),
            CONFIRMED,
        ],
    )
    @idempotent(atomic=False)
    def create(self, request: Request) -> Response:
        """Reserve, charge and confirm, or undo all of it and say why.

        A refused order stays readable as `failed`; `details.order_id` of the error names it.
        However often a key is sent, at most one order of it is paid for.
        """
        wanted = PlaceSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        order = domain.place(
            deed=deed_of(request),
            user_id=self._buyer(),
            wishes=[domain.Wish(**line) for line in wanted.validated_data["lines"]],
            payment_method=wanted.validated_data["payment_method"],
        )
        return Response(self._shown(order), status=status.HTTP_201_CREATED)

    @extend_schema(
        operation_id="orders_cancel",
        summary="Cancel a confirmed order",
        request=None,
        responses=OrderSerializer,
        examples=[CANCELLED],
    )
    @action(detail=True, methods=["post"])
    def cancel(self, *_: Any, **__: Any) -> Response:
        """Return the money and the goods; cancelling a cancelled order changes nothing."""
        return Response(self._shown(domain.cancel(self.get_object())))

    @extend_schema(
        operation_id="orders_timeline",
        summary="Look at what became of an order, and when",
        responses=TimelineSerializer,
        examples=[TIMELINE],
    )
    @action(detail=True, methods=["get"], queryset=Order.objects.prefetch_related("steps"))
    def timeline(self, *_: Any, **__: Any) -> Response:
        """Show each status with the moment at which it was committed.

        What had to be undone was so from `undoing` to `failed`; both say why.
        """
        return Response(TimelineSerializer(self.get_object()).data)

    def _buyer(self) -> int:
        return self.principal.user_id or NOBODY

    def _shown(self, order: Order) -> dict[str, Any]:
        return OrderSerializer(Order.objects.prefetch_related("lines").get(pk=order.pk)).data
