"""A system of two small services, written into a directory: real servers, no domain."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

DESCRIPTION = """
system: throwaway
gateway: {{ port: {port} }}
resources:
  db: {{ kind: postgres }}
  cache: {{ kind: redis }}
services:
  alpha: {{ path: alpha, routes: [/api/v1/alpha], uses: [db, cache] }}
  beta:
    path: beta
    routes: [/api/v1/beta]
    uses: [db]
    calls: [alpha]
    depends_on: [alpha]
    worker: tick
"""

SETTINGS = """
import os
from quintet.settings import ServiceSettings, derive
env = QUINTET = ServiceSettings.load()
SECRET_KEY, ALLOWED_HOSTS = env.SECRET_KEY, list(env.ALLOWED_HOSTS)
INSTALLED_APPS, MIDDLEWARE = ["django.contrib.contenttypes"], []
ROOT_URLCONF = "{name}.urls"
WSGI_APPLICATION = "{name}.wsgi.application"
DATABASES = derive.databases(env)
LOGGING = derive.logging(env)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""

APPLICATION = """
import json, os, pathlib, subprocess, time
from quintet import lifecycle
here = pathlib.Path(__file__).parent
VERSION = 1
reading = []  # bodies that have not arrived


def application(environ, start_response):
    path = environ["PATH_INFO"]
    status = "200 OK"
    if path == "/readyz" and ((here / "unready").exists() or lifecycle.is_draining()):
        status = "503 Service Unavailable"
    elif path.endswith("/die/"):
        os.kill(os.getppid(), 9)
    elif path.endswith("/slow/"):
        time.sleep(600)
    elif path.endswith("/child/"):
        subprocess.Popen(["sleep", "600"])
    chunked = "HTTP_TRANSFER_ENCODING" in environ
    size = None if chunked else int(environ.get("CONTENT_LENGTH") or 0)
    reading.append(path)
    try:
        body = environ["wsgi.input"].read(size)
    finally:
        reading.remove(path)
    answer = {
        "service": os.environ["SERVICE_NAME"],
        "pid": os.getpid(),
        "path": path,
        "received": len(body),
        "reading": len(reading),
        "headers": {k: v for k, v in environ.items() if k.startswith("HTTP_")},
    }
    text = json.dumps(answer).encode()
    head = [("Content-Type", "application/json"), ("Content-Length", str(len(text)))]
    start_response(status, head)
    return [text]
"""

MANAGE = """
import os, sys, time
if sys.argv[1:] == ["tick"]:
    print("ticking for " + os.environ["SERVICE_NAME"], flush=True)
    time.sleep(600)
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""


def write(root: Path, *, port: int, names: tuple[str, ...] = ("alpha", "beta")) -> None:
    """Write the description and the services."""
    root.mkdir(parents=True, exist_ok=True)
    write_description(root, port=port)
    for name in names:
        package = root / name / name
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "urls.py").write_text("urlpatterns = []\n", encoding="utf-8")
        (package / "settings.py").write_text(SETTINGS.format(name=name), encoding="utf-8")
        (package / "wsgi.py").write_text(APPLICATION, encoding="utf-8")
        (root / name / "manage.py").write_text(MANAGE, encoding="utf-8")


def write_description(root: Path, *, port: int) -> None:
    """Write the description alone, with another port."""
    (root / "quintet.yaml").write_text(DESCRIPTION.format(port=port), encoding="utf-8")
