"""One address per error, and one per deed."""

from __future__ import annotations

from django.urls import path

from quintet.views.urls import service_urls
from stage import deeds
from stage.views import ErrorView

urlpatterns = [
    path("api/v1/errors/<str:code>/", ErrorView.as_view(), name="error"),
    path("api/v1/sleep/<int:ms>/", deeds.SleepView.as_view(), name="sleep"),
    path("api/v1/burn/<int:ms>/", deeds.BurnView.as_view(), name="burn"),
    path("api/v1/echo/", deeds.EchoView.as_view(), name="echo"),
    path("api/v1/ballast/<int:megabytes>/", deeds.BallastView.as_view(), name="ballast"),
    path("api/v1/relay/", deeds.RelayView.as_view(), name="relay"),
    path("api/v1/rows/", deeds.RowsView.as_view(), name="rows"),
    path("api/v1/rows/<int:first>/<int:second>/", deeds.PairView.as_view(), name="pair"),
    *service_urls,
]
