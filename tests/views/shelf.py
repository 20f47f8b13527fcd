"""A small service with everything that the views of the chassis offer."""

from __future__ import annotations

import django_filters
from django.urls import include, path
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response
from rest_framework.views import APIView

from quintet.auth import Authenticated, Owner, Public, Staff, service
from quintet.views.functions import declares
from quintet.views.routers import Router
from quintet.views.serializers import StrictModelSerializer, StrictSerializer
from quintet.views.sets import ReadViewSet, WriteViewSet
from quintet.views.urls import service_urls
from tests.project.models import Book


class BookSerializer(StrictModelSerializer):
    class Meta:
        model = Book
        fields = ["id", "owner_id", "title", "pages"]
        read_only_fields = ["owner_id"]


class BookFilter(django_filters.FilterSet):
    pages = django_filters.RangeFilter()
    lost = django_filters.BooleanFilter(field_name="owner_id", lookup_expr="isnull")

    class Meta:
        model = Book
        fields = ["pages"]


class BookViewSet(WriteViewSet):
    queryset = Book.objects.all()
    serializer_class = BookSerializer
    filterset_class = BookFilter
    search_fields = ["title"]
    ordering_fields = ["pages"]
    query_parameters = ["verbose"]
    permissions = {
        "list": Authenticated,
        "retrieve": Authenticated,
        "create": [Authenticated, Owner],
        "update": Owner,
        "destroy": Staff,
        "burn": service("fire"),
    }

    def get_queryset(self):
        return self.owned(super().get_queryset())

    def perform_create(self, serializer):
        serializer.save(owner_id=self.principal.user_id)

    @action(detail=True, methods=["post"])
    def burn(self, request, pk=None):
        return Response({"burnt": pk})

    @action(detail=False)
    def forgotten(self, request):
        return Response([])


class PublicViewSet(ReadViewSet):
    queryset = Book.objects.all()
    serializer_class = BookSerializer
    permissions = {"list": Public, "retrieve": Public}


class LineSerializer(StrictSerializer):
    quantity = serializers.IntegerField(min_value=1)


class BasketSerializer(StrictSerializer):
    lines = LineSerializer(many=True)
    note = serializers.CharField(required=False)


class ReceiptSerializer(serializers.Serializer):
    lines = LineSerializer(many=True)


class BasketView(APIView):
    permission_classes = [Public]

    @extend_schema(
        request=BasketSerializer,
        responses=ReceiptSerializer,
        examples=[OpenApiExample("One", value={"lines": [{"quantity": 1}]})],
    )
    def post(self, request):
        basket = BasketSerializer(data=request.data)
        basket.is_valid(raise_exception=True)
        return Response(basket.validated_data)


class SecretView(APIView):
    permission_classes = [service("orders")]

    def get(self, request):
        return Response({})


@declares(Staff)
def staff_only(request):
    return answer({"subject": request.user.subject})


@declares(Staff)
async def staff_only_later(request):
    return answer({"subject": request.user.subject})


def answer(body):
    from django.http import JsonResponse

    return JsonResponse(body)


router = Router()
router.register("books", BookViewSet)
router.register("open", PublicViewSet, basename="open")

urlpatterns = [
    path("api/v1/", include(router.urls)),
    path("api/v1/basket/", BasketView.as_view()),
    path("api/v1/secret/", SecretView.as_view()),
    path("staff/", staff_only),
    path("staff-later/", staff_only_later),
    *service_urls,
]
