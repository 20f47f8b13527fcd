"""The same addresses as on the stage."""

from __future__ import annotations

from django.urls import path

from stock import views

urlpatterns = [
    path("api/v1/sleep/<int:ms>/", views.SleepView.as_view()),
    path("api/v1/burn/<int:ms>/", views.BurnView.as_view()),
    path("api/v1/echo/", views.EchoView.as_view()),
    path("api/v1/ballast/<int:megabytes>/", views.BallastView.as_view()),
    path("api/v1/relay/", views.RelayView.as_view()),
    path("api/v1/rows/", views.RowsView.as_view()),
    path("api/v1/rows/<int:first>/<int:second>/", views.PairView.as_view()),
    path("livez", views.livez),
]
