"""The process that a container runs: ``python -m quintet serve``."""
