"""The users service as a Django app."""

from __future__ import annotations

from django.apps import AppConfig

from quintet.telemetry import metrics


class UsersConfig(AppConfig):
    """Names the service to Django."""

    name = "users"
    verbose_name = "Users"

    def ready(self) -> None:
        """Let whoever scrapes read the number of active users out of the database."""
        # The domain needs the models, which are there only now.
        from users import domain

        metrics.read_at_scrape("active_users", "Users who may log in.", read=domain.count_active)
