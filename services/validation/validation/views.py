"""HTTP in: one question, one answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from quintet.auth import service
from quintet.views.serializers import StrictSerializer
from validation import domain

if TYPE_CHECKING:
    from rest_framework.request import Request

LONGEST_QUESTION = 1000


class QuestionSerializer(StrictSerializer[Any]):
    """A name and an address that somebody wants to register with."""

    username = serializers.CharField(max_length=LONGEST_QUESTION, allow_blank=True)
    email = serializers.CharField(max_length=LONGEST_QUESTION, allow_blank=True)


class ReasonSerializer(serializers.Serializer[domain.Reason]):
    """One thing that speaks against a field."""

    field = serializers.ChoiceField(choices=["username", "email"])
    code = serializers.ChoiceField(choices=sorted(domain.WEIGHTS))
    message = serializers.CharField()


class VerdictSerializer(serializers.Serializer[domain.Verdict]):
    """What the rules found."""

    valid = serializers.BooleanField()
    score = serializers.FloatField(min_value=0, max_value=1)
    reasons = ReasonSerializer(many=True)


class ValidateView(APIView):
    """Judges a name and an address."""

    permission_classes = [service("users")]

    @extend_schema(
        operation_id="validate",
        summary="Judge a user name and an e-mail address",
        request=QuestionSerializer,
        responses=VerdictSerializer,
        examples=[
            OpenApiExample(
                "A person",
                value={"username": "johndoe", "email": "john@example.com"},
                request_only=True,
            ),
            OpenApiExample(
                "Accepted", value={"valid": True, "score": 1.0, "reasons": []}, response_only=True
            ),
            OpenApiExample(
                "Refused",
                value={
                    "valid": False,
                    "score": 0.4,
                    "reasons": [
                        {
                            "field": "email",
                            "code": "email_disposable",
                            "message": "The domain hands out throw-away mailboxes.",
                        }
                    ],
                },
                response_only=True,
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        """Weigh what speaks against the two and say why."""
        question = QuestionSerializer(data=request.data)
        question.is_valid(raise_exception=True)
        verdict = domain.judge(**question.validated_data)
        return Response(VerdictSerializer(verdict).data)
