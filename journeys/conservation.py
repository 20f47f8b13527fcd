"""No cent and no item is made or lost: what three databases hold, added up with plain SQL.

`conservation/` has a query for each database, which returns entries of accounts; nothing of the
services is imported. What one of them has got another one has given, so the entries of an account
sum up to nought over all databases, as soon as no order is under way.

    ORDERS_DATABASE_URL=… PAYMENTS_DATABASE_URL=… PRODUCTS_DATABASE_URL=… python conservation.py
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Mapping

QUERIES = {file.stem: file for file in sorted(Path(__file__).with_suffix("").glob("*.sql"))}


def unbalanced(urls: Mapping[str, str]) -> dict[str, int]:
    """Return the accounts that do not sum up to nought, and by how much they are off."""
    sums: Counter[str] = Counter()
    for service, query in QUERIES.items():
        with psycopg.connect(urls[service], connect_timeout=5) as database:
            for account, amount in database.execute(query.read_text(encoding="utf-8")):
                sums[account] += int(amount)
    return {account: amount for account, amount in sorted(sums.items()) if amount}


if __name__ == "__main__":
    found = unbalanced({name: os.environ[f"{name.upper()}_DATABASE_URL"] for name in QUERIES})
    sys.stdout.writelines(f"{account}: {amount:+}\n" for account, amount in found.items())
    sys.exit(1 if found else 0)
