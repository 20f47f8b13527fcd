"""PostgreSQL, Valkey and Caddy from wheels: found, started, proven to be ours, stopped.

Development and tests only. In production each of them is a URL in the environment.
"""
