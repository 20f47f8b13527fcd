"""``python -m quintet``: the same as the ``quintet`` command, also where nothing is on PATH."""

from __future__ import annotations

from quintet.cli import main

if __name__ == "__main__":
    main()
