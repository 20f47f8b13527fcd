"""A plain Django project that takes two parts of Quintet: correlation ids and the error envelope.

Run it: ``python docs/examples/plain_project.py``.
"""

from __future__ import annotations

import django
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.test import Client
from django.urls import path

from quintet.errors import BusinessLogicException
from quintet.settings import ServiceSettings

env = ServiceSettings.load(
    {
        "SERVICE_NAME": "lamps",
        "SERVICE_ENVIRONMENT": "development",
        "SECRET_KEY": "only for this example: nothing is signed here",
    }
)
settings.configure(
    QUINTET=env,
    SECRET_KEY=env.SECRET_KEY,
    ALLOWED_HOSTS=["testserver"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[
        "quintet.middleware.context.ContextMiddleware",
        "quintet.middleware.errors.ErrorsMiddleware",
    ],
    REST_FRAMEWORK={"UNAUTHENTICATED_USER": None},
)


def lamp(request: HttpRequest, number: int) -> JsonResponse:
    """A view that knows nothing of Quintet but the error that it raises."""
    if number > 1:
        raise BusinessLogicException("There is only one lamp.", business_rule="one_lamp")
    return JsonResponse({"lamp": number})


urlpatterns = [path("lamps/<int:number>/", lamp)]


def main() -> None:
    """Ask for a lamp, for one too many, and for a page that is not there."""
    django.setup()
    client = Client(headers={"X-Correlation-ID": "example-1"})
    for url in ("/lamps/1/", "/lamps/2/", "/chairs/"):
        answer = client.get(url)
        print(answer.status_code, answer.json())
        if answer.headers["X-Correlation-ID"] != "example-1":
            raise SystemExit("the correlation id was lost")


if __name__ == "__main__":
    main()
