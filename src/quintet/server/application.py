"""gunicorn, configured from the settings of the service and from nothing else."""

from __future__ import annotations

import gc
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication

from quintet import auth, lifecycle
from quintet.server import multiprocess
from quintet.server.arbiter import ServiceArbiter
from quintet.server.body import translating, withhold_invitation
from quintet.server.startup import THREADS_PER_REQUEST, release_connections
from quintet.server.worker import ServiceLogger

if TYPE_CHECKING:
    from quintet.server.startup import WSGIApplication
    from quintet.settings import ServiceSettings

KEEPALIVE_SECONDS = 75  # longer than a proxy keeps an idle connection, so that it closes first
IDLE_CONNECTIONS = 1000  # that each worker keeps; gunicorn counts those in its threads as well
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - heartbeats only, in files of gunicorn's own making


class ServiceApplication(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """One service behind gunicorn's arbiter, loaded once and forked into its workers."""

    def __init__(self, application: WSGIApplication, env: ServiceSettings) -> None:
        self.application = application
        self.env = env
        super().__init__()

    def load_config(self) -> None:
        for name, value in configuration(self.env).items():
            self.cfg.set(name, value)

    def load(self) -> WSGIApplication:
        return translating(self.application)

    def run(self) -> None:
        """Run the master, and in its forks the workers, until somebody says that it is enough."""
        ServiceArbiter(self).run()


def configuration(env: ServiceSettings) -> dict[str, Any]:
    """Every gunicorn setting that differs from its default, by gunicorn's names."""
    return {
        "bind": f"[{env.HOST}]:{env.PORT}" if ":" in env.HOST else f"{env.HOST}:{env.PORT}",
        "proc_name": env.SERVICE_NAME,
        "workers": env.WEB_WORKERS,
        "threads": env.MAX_IN_FLIGHT * THREADS_PER_REQUEST,
        "worker_connections": IDLE_CONNECTIONS + env.MAX_IN_FLIGHT * THREADS_PER_REQUEST,
        "worker_class": "quintet.server.worker.ServiceWorker",
        "logger_class": ServiceLogger,
        "loglevel": "info",
        "preload_app": True,
        "http_parser": "python",  # the other one refuses other things, wherever it is installed
        "control_socket_disable": True,
        "keepalive": KEEPALIVE_SECONDS,
        "graceful_timeout": math.ceil(env.SHUTDOWN_SECONDS),
        "forwarded_allow_ips": ",".join(env.TRUSTED_PROXIES),
        "secure_scheme_headers": {"X-FORWARDED-PROTO": "https"},
        "forwarder_headers": "",
        "worker_tmp_dir": str(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else None,
        "when_ready": _when_ready,
        "pre_fork": _pre_fork,
        "post_worker_init": _post_worker_init,
        "pre_request": withhold_invitation,
        "worker_exit": _worker_exit,
        "child_exit": _child_exit,
    }


def _when_ready(_server: Any) -> None:
    # What start-up made stays for good: a collection in a worker need not copy its pages.
    gc.collect()
    gc.freeze()


def _pre_fork(_server: Any, _worker: Any) -> None:
    release_connections()


def _post_worker_init(_worker: Any) -> None:
    auth.warm_keys()


def _worker_exit(_server: Any, _worker: Any) -> None:
    lifecycle.tidy_up()


def _child_exit(_server: Any, worker: Any) -> None:
    multiprocess.forget(worker.pid)
