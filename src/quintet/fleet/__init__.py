"""Runs the whole system on one machine: servers, migrations, services and the gateway. Development time only."""
