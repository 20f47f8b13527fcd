"""What ``bench/metrics.py`` runs in processes of their own: counting, writing, serving."""

from __future__ import annotations
