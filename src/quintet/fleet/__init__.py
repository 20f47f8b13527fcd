"""Runs the whole system on one machine: servers, migrations, services, gateway. For development."""
