"""The service that every server serves in ``bench/servers.py``: Quintet with everything on."""
