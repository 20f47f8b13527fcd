from __future__ import annotations

import pytest
from django.core.checks import run_checks
from django.http import HttpResponse
from django.urls import include, path
from django.views import View
from django_filters import FilterSet
from rest_framework import serializers
from rest_framework.decorators import action, api_view, permission_classes
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from quintet.auth import Public, generate_key
from quintet.checks.limits import limits_can_be_counted
from quintet.checks.routes import routes_declare_permissions
from quintet.checks.serializers import lists_name_their_fields, serializers_name_their_fields
from quintet.middleware import DEFAULT
from quintet.telemetry import traces
from quintet.views.errors import exception_handler
from quintet.views.functions import declares, limited
from quintet.views.routers import Router
from quintet.views.sets import ServiceViewSet
from quintet.views.throttling import RateLimit
from tests.project.models import Book
from tests.project.settings import ProjectSettings

KEY = "k3y-" + "abcdefghijklmnopqrstuvwxyz0123456789" * 2


def judged():
    """All findings but those on classes that other tests left behind."""
    found = run_checks(tags=["quintet"])
    return [one for one in found if "<locals>" not in getattr(one.obj, "__qualname__", "")]


def ids(findings=None):
    return [finding.id for finding in (judged() if findings is None else findings)]


@pytest.fixture
def declare(settings):
    def change(**environ):
        declared = {"SERVICE_ENVIRONMENT": "test", "SECRET_KEY": KEY, **environ}
        settings.QUINTET = ProjectSettings.load(environ=declared)

    return change


@pytest.fixture
def production(declare, settings):
    declare(SERVICE_ENVIRONMENT="production", ALLOWED_HOSTS="shop.example")
    settings.ALLOWED_HOSTS, settings.SECRET_KEY = ["shop.example"], KEY


class Undeclared(APIView):
    pass


class Empty(APIView):
    permission_classes = []


class Declared(APIView):
    permission_classes = [Public]


class Plain(View):
    def get(self, request):
        return HttpResponse()


class Shelf(ServiceViewSet):
    permissions = {"list": Public}

    def list(self, request):
        return Response([])

    @action(detail=False)
    def forgotten(self, request):
        return Response([])


def function(request):
    return HttpResponse()


@api_view()
def undeclared_function(request):
    return Response()


@api_view()
@permission_classes([AllowAny])
def declared_function(request):
    return Response()


class Careless(ServiceViewSet):
    permissions = {"list": []}

    def list(self, request):
        return Response([])


class Overriding(Declared):
    def get_permissions(self):
        return []


class Skipping(Shelf):
    permissions = {"list": Public, "forgotten": Public}

    def check_permissions(self, request):
        pass


router = Router()
router.register("shelf", Shelf, basename="shelf")


class Routes:
    """A URLconf made of the routes that a test wants to judge."""

    def __init__(self, *patterns):
        self.urlpatterns = list(patterns)


@pytest.mark.parametrize(
    "view",
    [Undeclared.as_view(), Empty.as_view(), Plain.as_view(), function, undeclared_function],
    ids=["class", "empty list", "view of Django", "function", "function of DRF"],
)
def test_a_route_that_declares_no_permission_is_found(settings, view):
    settings.ROOT_URLCONF = Routes(path("a/", include([path("b/", view)])))

    (finding,) = routes_declare_permissions()
    assert finding.id == "quintet.E001"
    assert "/a/b/" in finding.msg
    assert "declares" in finding.hint


@pytest.mark.parametrize(
    "view",
    [
        Declared.as_view(),
        Undeclared.as_view(permission_classes=[Public]),
        declares(Public)(function),
        declares(Public)(Plain.as_view()),
        declared_function,
    ],
    ids=["class", "route", "function", "view of Django", "function of DRF"],
)
def test_a_route_that_declares_its_permission_is_fine(settings, view):
    settings.ROOT_URLCONF = Routes(path("a/", view))

    assert routes_declare_permissions() == []


def test_an_action_that_declares_no_permission_is_found(settings):
    settings.ROOT_URLCONF = Routes(path("a/", include(router.urls)))

    (finding,) = routes_declare_permissions()
    assert finding.id == "quintet.E002"
    assert finding.msg == "Shelf.forgotten at /a/shelf/forgotten/ declares no permission."
    assert '"forgotten"' in finding.hint


def test_an_action_that_declares_an_empty_list_is_found(settings):
    settings.ROOT_URLCONF = Routes(path("a/", Careless.as_view({"get": "list"})))

    assert ids(routes_declare_permissions()) == ["quintet.E002"]


@pytest.mark.parametrize(
    "view", [Overriding.as_view(), Skipping.as_view({"get": "list"})], ids=["class", "viewset"]
)
def test_a_view_that_decides_past_its_declaration_is_found(settings, view):
    settings.ROOT_URLCONF = Routes(path("a/", view))

    (finding,) = routes_declare_permissions()
    assert finding.id == "quintet.E016"
    assert "_permissions" in finding.msg


def test_the_project_of_these_tests_is_fine():
    assert ids(routes_declare_permissions()) == []


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


@pytest.mark.parametrize("name", DEFAULT)
def test_a_middleware_that_is_missing_is_found(settings, name):
    settings.MIDDLEWARE = [each for each in DEFAULT if each != name]

    (finding,) = judged()
    assert (finding.id, finding.msg) == ("quintet.E005", f"MIDDLEWARE lacks {name}.")


def test_middleware_in_another_order_is_found(settings):
    settings.MIDDLEWARE = [*DEFAULT[1:], DEFAULT[0]]

    assert ids() == ["quintet.E006"]


def test_a_middleware_in_front_is_a_warning(settings):
    settings.MIDDLEWARE = ["somebody.Elses", *DEFAULT]

    assert ids() == ["quintet.W001"]


def test_a_middleware_behind_or_between_is_fine(settings):
    settings.MIDDLEWARE = [*DEFAULT[:4], "somebody.Elses", *DEFAULT[4:], "another.One"]

    assert ids() == []


def own_handler(exc, handling):
    return exception_handler(exc, handling)


def test_another_exception_handler_is_found(settings):
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"EXCEPTION_HANDLER": own_handler}

    assert ids() == ["quintet.E007"]


def test_an_exception_handler_that_says_that_it_ends_in_ours_is_fine(settings, monkeypatch):
    monkeypatch.setattr(own_handler, "extends", exception_handler, raising=False)
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"EXCEPTION_HANDLER": own_handler}

    assert ids() == []


def test_another_default_permission_is_found(settings):
    opened = {"DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"]}
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | opened

    assert ids() == ["quintet.E008"]


def test_appended_slashes_are_found(settings):
    settings.APPEND_SLASH = True

    assert ids() == ["quintet.E009"]


def test_a_project_without_declared_settings_is_warned(settings, monkeypatch):
    monkeypatch.setenv("SERVICE_NAME", "plain")
    del settings.QUINTET

    assert ids() == ["quintet.W002"]


UNSAFE = [
    ({"DEBUG": True}, "quintet.E010"),
    ({"ALLOWED_HOSTS": []}, "quintet.E011"),
    ({"ALLOWED_HOSTS": ["*"]}, "quintet.E011"),
    ({"SECRET_KEY": "short"}, "quintet.E012"),
    ({"USE_X_FORWARDED_HOST": True}, "quintet.E013"),
]


@pytest.mark.parametrize(("unsafe", "identity"), UNSAFE)
def test_a_value_written_past_the_environment_is_refused_in_production_only(
    production, declare, settings, unsafe, identity
):
    for name, value in unsafe.items():
        setattr(settings, name, value)

    in_production = ids()
    declare(SERVICE_ENVIRONMENT="development")

    assert in_production == [identity]
    assert ids() == []


def test_production_with_values_of_the_environment_is_fine(production):
    assert ids() == []


REDIS = "django.core.cache.backends.redis.RedisCache"


@pytest.mark.parametrize(
    ("cache", "found"),
    [
        ({"BACKEND": REDIS, "LOCATION": "redis://cache:6379"}, ["quintet.E014"]),
        (
            {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "t"},
            ["quintet.E014"],
        ),
        ({"BACKEND": REDIS, "LOCATION": "redis://c:6379", "OPTIONS": {"serializer": "x.JSON"}}, []),
        ({"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}, []),
    ],
)
def test_a_shared_cache_of_pickles_is_refused_in_production(production, settings, cache, found):
    settings.CACHES = {"default": cache}

    assert ids() == found


def test_a_cache_of_pickles_is_fine_on_a_laptop(declare, settings):
    declare()
    settings.CACHES = {"default": {"BACKEND": REDIS, "LOCATION": "redis://cache:6379"}}

    assert ids() == []


@pytest.mark.parametrize(
    ("pool", "environ", "found"),
    [
        ({"max_size": 8}, {"MAX_IN_FLIGHT": "8", "WEB_WORKERS": "4"}, []),
        ({"max_size": 20}, {"MAX_IN_FLIGHT": "8", "WEB_WORKERS": "4"}, ["quintet.W003"]),
        ({"max_size": 4}, {"MAX_IN_FLIGHT": "8", "WEB_WORKERS": "1"}, ["quintet.W004"]),
        ({}, {"MAX_IN_FLIGHT": "8", "WEB_WORKERS": "16"}, ["quintet.W003", "quintet.W004"]),
        (True, {"MAX_IN_FLIGHT": "8"}, []),
    ],
)
def test_a_pool_fits_the_threads_and_the_server(declare, monkeypatch, pool, environ, found):
    from django.conf import settings

    declare(**environ)
    database = {"ENGINE": "django.db.backends.postgresql", "OPTIONS": {"pool": pool}}
    monkeypatch.setattr(settings, "DATABASES", {"default": database})

    assert ids() == found


@pytest.mark.parametrize(
    "keys", ["no key at all", "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----"]
)
def test_signing_keys_that_cannot_be_read_stop_the_start_and_are_not_shown(declare, keys):
    declare(AUTH_SIGNING_KEYS=keys)

    (found,) = judged()

    assert found.id == "quintet.E015"
    assert "hunter2" not in f"{found.msg} {found.hint}"


def test_signing_keys_that_can_be_read_are_fine(declare):
    declare(AUTH_SIGNING_KEYS=generate_key())

    assert ids() == []


def routed(monkeypatch, *views):
    """Puts views at /0, /1 and so on, for the check of limits."""
    patterns = [path(str(number), view) for number, view in enumerate(views)]
    monkeypatch.setattr("quintet.checks.limits.get_resolver", lambda: include(patterns))
    monkeypatch.setattr(
        "quintet.checks.limits.routes_of",
        lambda _: [(f"/{number}", view) for number, view in enumerate(views)],
    )


def limited_view(limit):
    return type("Limited", (APIView,), {"rate_limit": limit}).as_view()


@pytest.mark.parametrize(
    "limit",
    [
        "5/minute",
        ("5/minute",),
        RateLimit("login", setting="NOBODY_DECLARED_IT"),
        RateLimit("login", setting="SERVICE_NAME"),
        {"create": RateLimit("login", "5/minute"), "list": RateLimit("login", setting="NO")},
    ],
)
def test_a_limit_that_cannot_be_counted_is_found(monkeypatch, limit):
    routed(monkeypatch, limited_view(limit))

    (finding,) = limits_can_be_counted()

    assert finding.id == "quintet.E020"
    assert finding.msg.startswith("The rate limit at /0 cannot be counted: ")


def test_limits_that_can_be_counted_are_fine(monkeypatch):
    by_function = limited(RateLimit("login", "5/minute"))(lambda _: None)
    by_action = limited_view({"create": RateLimit("login", setting="RATE_LIMIT")})
    routed(monkeypatch, by_function, by_action, Undeclared.as_view())

    assert limits_can_be_counted() == []


@pytest.mark.parametrize("limit", ["RATE_LIMIT", "a view", "a function", "nothing"])
@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({"WEB_WORKERS": "2"}, ["quintet.W010"]),
        ({"WEB_WORKERS": "2", "CACHE_URL": "locmemcache://"}, ["quintet.W010"]),
        ({"WEB_WORKERS": "2", "CACHE_URL": "redis://cache"}, []),
        ({"WEB_WORKERS": "1"}, []),
        ({"WEB_WORKERS": "2", "SERVICE_ENVIRONMENT": "test"}, []),
    ],
)
def test_workers_that_count_for_themselves_are_found(monkeypatch, declare, environ, found, limit):
    own = RateLimit("login", "5/minute")
    view = limited_view(own) if limit == "a view" else Undeclared.as_view()
    routed(monkeypatch, limited(own)(lambda _: None) if limit == "a function" else view)
    rate = {"RATE_LIMIT": "5/minute"} if limit == "RATE_LIMIT" else {}

    declare(
        **{"SERVICE_ENVIRONMENT": "production", "ALLOWED_HOSTS": "shop.example", **rate, **environ}
    )

    assert ids(limits_can_be_counted()) == (found if limit != "nothing" else [])


def test_a_store_without_its_library_is_found(monkeypatch, declare):
    def missing():
        raise ImportError("No module named 'limits'")

    monkeypatch.setattr("quintet.checks.limits.counting", missing)
    routed(monkeypatch, limited_view(RateLimit("login", "5/minute")))
    declare(CACHE_URL="redis://cache")

    (finding,) = limits_can_be_counted()

    assert (finding.id, finding.hint) == ("quintet.E021", "Install quintet[redis].")


@pytest.mark.parametrize(
    ("endpoint", "missing", "found"),
    [
        ("http://collector:4318", "opentelemetry.sdk", ["quintet.E022"]),
        ("http://collector:4318", "", []),
        ("", "opentelemetry.sdk", []),
    ],
)
def test_tracing_without_its_packages_stops_the_start(
    declare, monkeypatch, endpoint, missing, found
):
    declare(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    monkeypatch.setattr(traces, "missing_package", lambda: missing)

    assert ids() == found
