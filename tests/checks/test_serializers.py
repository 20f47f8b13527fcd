from __future__ import annotations

from django_filters import FilterSet
from rest_framework import serializers
from rest_framework.generics import ListAPIView

from quintet.checks.serializers import lists_name_their_fields, serializers_name_their_fields
from tests.project.models import Book


def found_for(cls, check):
    return [finding.id for finding in check() if finding.obj is cls]


def test_a_serializer_that_shows_every_column_is_found():
    class Everything(serializers.ModelSerializer):
        class Meta:
            model = Book
            fields = "__all__"

    class AllBut(serializers.ModelSerializer):
        class Meta:
            model = Book
            exclude = ["pages"]

    assert found_for(Everything, serializers_name_their_fields) == ["quintet.E003"]
    assert found_for(AllBut, serializers_name_their_fields) == ["quintet.E003"]


def test_a_serializer_that_inherits_twice_is_found_once():
    class Everything(serializers.ModelSerializer):
        class Meta:
            model = Book
            fields = "__all__"

    class Left(Everything):
        pass

    class Right(Everything):
        pass

    class Both(Left, Right):
        pass

    assert found_for(Both, serializers_name_their_fields) == ["quintet.E003"]


def test_a_serializer_that_names_its_fields_is_fine():
    class Named(serializers.ModelSerializer):
        class Meta:
            model = Book
            fields = ["title"]

    class Nothing(serializers.ModelSerializer):
        pass

    assert found_for(Named, serializers_name_their_fields) == []
    assert found_for(Nothing, serializers_name_their_fields) == []


def test_a_list_that_offers_every_column_is_found():
    class Ordered(ListAPIView):
        ordering_fields = "__all__"

    class Filtered(ListAPIView):
        filterset_fields = "__all__"

    class Filters(FilterSet):
        class Meta:
            model = Book
            fields = "__all__"

    class Fine(ListAPIView):
        ordering_fields = ["title"]

    assert [
        found_for(cls, lists_name_their_fields) for cls in (Ordered, Filtered, Filters, Fine)
    ] == [
        ["quintet.E004"],
        ["quintet.E004"],
        ["quintet.E004"],
        [],
    ]
