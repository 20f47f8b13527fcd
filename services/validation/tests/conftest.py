"""The one caller of the validation service, and somebody who may not call."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from quintet.testing.identity import as_service


@pytest.fixture
def users():
    """The users service, asking."""
    return as_service(APIClient(), "users")


@pytest.fixture
def nobody():
    """A client without a token."""
    return APIClient()
