"""Dead letters and what waits to be tried again, for projects that have Django's admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages

from quintet.events import parking
from quintet.events.handling import discovered
from quintet.events.models import ParkedEvent

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest  # noqa: TID251 - the signature of an action


@admin.register(ParkedEvent)
class ParkedEventAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # Django has no parameter
    """Shows what is parked, lets dead letters be tried again or dropped, and changes nothing."""

    list_display = ("event_id", "handler", "topic", "key", "attempts", "next_attempt_at", "reason")
    list_filter = (("next_attempt_at", admin.EmptyFieldListFilter), "handler", "topic")
    search_fields = ("event_id__exact", "key", "trace_id")
    actions = ("retry",)

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's signature
        """Nobody writes an event by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What has happened is not changed."""
        return obj is None and super().has_change_permission(request)

    @admin.action(description="Try again", permissions=["delete"])
    def retry(self, request: HttpRequest, chosen: QuerySet[ParkedEvent]) -> None:
        """Let the dead letters among them be tried again."""
        handlers = discovered()
        letters = chosen.filter(next_attempt_at__isnull=True)
        done = sum(bool(parking.revive(letter, handlers)) for letter in letters)
        self.message_user(request, f"{done} will be tried again.", messages.SUCCESS)
