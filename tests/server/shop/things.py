"""Something to read and to write, for strangers who try everything."""

from __future__ import annotations

from rest_framework import serializers
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from quintet.auth import Public
from quintet.views.pagination import Page
from quintet.views.parsers import StrictJSONParser
from quintet.views.serializers import StrictSerializer


class ThingSerializer(StrictSerializer):
    name = serializers.CharField(max_length=40)
    count = serializers.IntegerField(min_value=1, max_value=1_000)
    price = serializers.DecimalField(max_digits=8, decimal_places=2, required=False)
    since = serializers.DateTimeField(required=False)
    tags = serializers.ListField(child=serializers.CharField(), required=False)
    more = serializers.JSONField(required=False)


class ThingsView(APIView):
    permission_classes = [Public]
    parser_classes = [StrictJSONParser, MultiPartParser, FormParser]

    def get(self, request):
        page = Page()
        return page.get_paginated_response(page.paginate_queryset(range(250), request, view=self))

    def post(self, request):
        given = ThingSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(given.data, status=201)


class ThingView(APIView):
    permission_classes = [Public]

    def get(self, request, name):
        return Response({"name": name})
