"""The door for everybody: look around; and for staff: fill the shelves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

import django_filters
from django import forms
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.response import Response

from products import domain
from products.models import (
    CURRENCIES,
    HIGHEST_PRICE,
    LONGEST_DESCRIPTION,
    LONGEST_NAME,
    LONGEST_REFERENCE,
    LONGEST_SKU,
    MOST_AT_ONCE,
    REFERENCE,
    SKU,
    Product,
)
from quintet.auth import Public, Staff
from quintet.views.serializers import StrictSerializer
from quintet.views.sets import ReadViewSet

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request
    from rest_framework.serializers import BaseSerializer

LAMP: Final = {
    "id": 12,
    "sku": "LAMP-01",
    "name": "Lamp",
    "description": "It shines.",
    "price_amount": 1999,
    "currency": "EUR",
    "stock": 10,
    "is_active": True,
    "created_at": "2026-01-05T10:00:00Z",
    "updated_at": "2026-01-05T10:00:00Z",
}
SHOWN: Final = OpenApiExample("A lamp", value=LAMP, response_only=True)
WANTED: Final = OpenApiExample(
    "A new lamp",
    value={
        name: value
        for name, value in LAMP.items()
        if name not in {"id", "created_at", "updated_at"}
    },
    request_only=True,
)
CHANGED: Final = OpenApiExample(
    "The lamp in full",
    value={
        name: value
        for name, value in LAMP.items()
        if name not in {"id", "stock", "created_at", "updated_at"}
    },
    request_only=True,
)


class ProductSerializer(serializers.ModelSerializer[Product]):
    """A product as everybody sees it; the price is in the smallest unit of its currency."""

    class Meta:
        model = Product
        fields = tuple(LAMP)
        read_only_fields = fields


class ChangeSerializer(StrictSerializer[Product]):
    """What may be changed about a product; its stock changes by deliveries and sales only."""

    sku = serializers.CharField(max_length=LONGEST_SKU, validators=[SKU])
    name = serializers.CharField(max_length=LONGEST_NAME)
    description = serializers.CharField(
        max_length=LONGEST_DESCRIPTION, allow_blank=True, default=""
    )
    price_amount = serializers.IntegerField(
        min_value=1, max_value=HIGHEST_PRICE, help_text="In the smallest unit of the currency."
    )
    currency = serializers.ChoiceField(choices=sorted(CURRENCIES), help_text="ISO 4217.")
    is_active = serializers.BooleanField(default=True)


class NewProductSerializer(ChangeSerializer):
    """A product and the stock that it starts with."""

    stock = serializers.IntegerField(min_value=0, max_value=MOST_AT_ONCE, default=0)


class DeliverySerializer(StrictSerializer[Product]):
    """Goods that arrived; the reference of the delivery makes sure that they count once."""

    quantity = serializers.IntegerField(min_value=1, max_value=MOST_AT_ONCE)
    reference = serializers.RegexField(
        rf"\A{REFERENCE}\Z", max_length=LONGEST_REFERENCE, trim_whitespace=False
    )


class PriceFilter(django_filters.Filter):  # type: ignore[misc]  # it has no types
    """A price in the smallest unit; what ``NumberFilter`` takes, -1e999999999, never ends."""

    field_class = forms.IntegerField

    def __init__(self, lookup_expr: str) -> None:
        super().__init__("price_amount", lookup_expr, min_value=0, max_value=HIGHEST_PRICE)


class ProductFilter(django_filters.FilterSet):  # type: ignore[misc]  # it has no types
    """How the catalogue can be narrowed down."""

    min_price = PriceFilter("gte")
    max_price = PriceFilter("lte")
    currency = django_filters.ChoiceFilter(choices=[(code, code) for code in sorted(CURRENCIES)])
    in_stock = django_filters.BooleanFilter(method="by_stock", label="Whether any is left.")

    class Meta:
        model = Product
        fields: ClassVar[list[str]] = []

    def by_stock(self, found: QuerySet[Product], _name: str, value: object) -> QuerySet[Product]:
        """Keep what can be bought now, or what cannot."""
        return found.filter(stock__gt=0) if value else found.filter(stock=0)


class StaffProductFilter(ProductFilter):
    """Staff also see, and look for, what is not for sale."""

    is_active = django_filters.BooleanFilter(label="Whether it is for sale; for staff only.")


@extend_schema_view(
    list=extend_schema(summary="Look around", examples=[SHOWN]),
    retrieve=extend_schema(summary="Look at a product", examples=[SHOWN]),
)
class ProductViewSet(ReadViewSet[Product]):
    """The catalogue; what is not for sale exists for staff only."""

    queryset = Product.objects.all()
    serializer_class = ProductSerializer
    lookup_value_converter = "int"
    search_fields = ("name", "sku", "description")
    ordering_fields = ("id", "name", "price_amount", "created_at")
    permissions: ClassVar = {
        "list": Public,
        "retrieve": Public,
        "create": Staff,
        "update": Staff,
        "partial_update": Staff,
        "destroy": Staff,
        "restock": Staff,
    }

    @property
    def filterset_class(self) -> type[ProductFilter]:
        """Offer staff one filter more; the OpenAPI document shows it to everybody."""
        described = getattr(self, "swagger_fake_view", False)
        return StaffProductFilter if described or self.principal.is_staff else ProductFilter

    def get_queryset(self) -> QuerySet[Product]:
        """Hide what is not for sale."""
        everything = Product.objects.all()
        return everything if self.principal.is_staff else everything.active()

    @extend_schema(
        summary="Add a product",
        request=NewProductSerializer,
        responses={201: ProductSerializer},
        examples=[WANTED, SHOWN],
    )
    def create(self, request: Request) -> Response:
        """Add a product and its first stock."""
        product = domain.add(**parsed(NewProductSerializer(data=request.data)))
        return Response(ProductSerializer(product).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        summary="Replace a product",
        request=ChangeSerializer,
        responses=ProductSerializer,
        examples=[CHANGED, SHOWN],
    )
    def update(self, request: Request, **_path: Any) -> Response:
        """Replace everything but the stock; orders keep the price that they were placed at."""
        product = self.get_object()
        changes = parsed(ChangeSerializer(data=request.data))
        return Response(ProductSerializer(domain.change(product, changes)).data)

    @extend_schema(
        summary="Change a product",
        request=ChangeSerializer,
        responses=ProductSerializer,
        examples=[
            OpenApiExample("A new price", value={"price_amount": 1499}, request_only=True),
            SHOWN,
        ],
    )
    def partial_update(self, request: Request, **_path: Any) -> Response:
        """Change what is given and leave the rest."""
        product = self.get_object()
        changes = parsed(ChangeSerializer(data=request.data, partial=True))
        return Response(ProductSerializer(domain.change(product, changes)).data)

    @extend_schema(summary="Remove a product", request=None, responses={204: None})
    def destroy(self, _request: Request, **_path: Any) -> Response:
        """Delete it, or only take it off sale if somebody has ever reserved it."""
        domain.remove(self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Book a delivery",
        request=DeliverySerializer,
        responses=ProductSerializer,
        examples=[
            OpenApiExample(
                "Ten lamps", value={"quantity": 10, "reference": "delivery-77"}, request_only=True
            ),
            SHOWN,
        ],
    )
    @action(detail=True, methods=["post"])
    def restock(self, request: Request, **_path: Any) -> Response:
        """Add to the stock; the same reference again adds nothing."""
        product = self.get_object()
        delivery = parsed(DeliverySerializer(data=request.data))
        return Response(ProductSerializer(domain.restock(product, **delivery)).data)


def parsed(serializer: BaseSerializer[Any]) -> dict[str, Any]:
    """Read a body, or refuse it."""
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
