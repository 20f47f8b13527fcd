"""What the tests of the middleware share."""

from __future__ import annotations

import pytest
from django.core.signals import request_finished
from django.db import close_old_connections


@pytest.fixture(autouse=True)
def connections_left_alone():
    """Let an answer be closed as a server does it; Django's own test client does the same.

    What follows the end of a request would look at the connection that pytest keeps open for the
    tests of a database, whichever of them ran before.
    """
    request_finished.disconnect(close_old_connections)
    yield
    request_finished.connect(close_old_connections)
