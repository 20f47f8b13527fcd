"""The stage as one of two: it calls the other one, or is called by it."""

from __future__ import annotations

from quintet.settings import url
from stage.settings import *  # noqa: F403 - everything else is the same
from stage.settings import StageSettings


class PairedSettings(StageSettings):
    OTHER_SERVICE_URL: str = url(
        schemes=("http", "https"), default="http://127.0.0.1:9", help="The other one."
    )


env = PairedSettings.load()
QUINTET = env
ROOT_URLCONF = "stage.pair"
