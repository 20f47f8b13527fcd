"""A project with Django's admin; run by itself, since the project of the tests has none."""

from __future__ import annotations

import uuid

import django
from django.conf import settings

if __name__ == "__main__":
    settings.configure(
        SECRET_KEY="k",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=[
            *("django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes"),
            *("django.contrib.messages", "django.contrib.sessions", "quintet.events"),
        ],
    )
    django.setup()
    # Django has to be ready before anything with models is imported.
    from django.contrib import admin
    from django.core.management import call_command
    from django.test import RequestFactory

    from quintet.events import parking
    from quintet.events.handling import handles
    from quintet.events.models import ParkedEvent
    from tests.events.happenings import Placed

    call_command("migrate", verbosity=0)
    handles(Placed, name="remember")(print)
    shown, said = admin.site._registry[ParkedEvent], []
    shown.message_user = lambda _request, text, _level: said.append(text)
    places = {"topic": "shop", "partition": 0, "key": "7", "body": "{}", "event_id": uuid.uuid4()}
    for handler in ("remember", "unreadable"):
        letter = ParkedEvent.objects.create(handler=handler, attempts=8, **places)

    request = RequestFactory().post("/")
    shown.retry(request, ParkedEvent.objects.all())

    assert said == ["1 will be tried again."]
    assert [it.handler for it in parking.dead()] == ["unreadable"]
    assert not shown.has_add_permission(request)
    assert not shown.has_change_permission(request, letter)
