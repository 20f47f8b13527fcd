"""What orders asks of users, products and payments, and the little of their answers it needs.

Whatever products and payments are asked carries the reference of the order, and they do it once for
each: so it is the key as well, and a call that got no answer is repeated.

What goes over the wire is generated from the contracts of the other services; what it means for an
order stands here.
"""

from __future__ import annotations

from orders.clients.payments import PaymentsClient
from orders.clients.products import PricedLine, ProductsClient, Reservation
from orders.clients.users import Shopper, UsersClient

__all__ = [
    "PaymentsClient",
    "PricedLine",
    "ProductsClient",
    "Reservation",
    "Shopper",
    "UsersClient",
]
