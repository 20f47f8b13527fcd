"""Runs the tasks of a service, for as long as it runs."""

from __future__ import annotations

from typing import Any

from quintet import conf, lifecycle
from quintet.management.repeating import told_to_end
from quintet.management.working import WorkingCommand
from quintet.settings import derive


class Command(WorkingCommand):
    """``manage.py quintet_tasks``: one for each service with tasks; several share the work."""

    help = "Run the tasks of this service, until SIGTERM."

    def handle(self, *_: Any, **__: Any) -> None:
        """Work until a signal comes."""
        env = conf.current()
        if env.ENABLE_ASYNC_PROCESSING and derive.carries_tasks(env.BROKER_URL):
            from quintet.tasks.worker import Worker  # late: an optional dependency

            worker = Worker(tidy_up=lifecycle.tidy_up)
            with told_to_end(worker.end):
                worker.run()
        else:
            with told_to_end() as ending:
                self.work(ending)

    def work(self, ending: Any) -> None:
        """Without a queue there is nothing to do but what has a rhythm, here."""
        from quintet.tasks.alone import run_rhythms  # late: as above

        run_rhythms(ending)
