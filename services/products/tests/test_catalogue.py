"""What happens to products, and to their stock when goods arrive."""

from __future__ import annotations

import pytest

from products import domain
from products.models import Product, StockReceipt
from quintet.errors import NotFoundException


def test_a_product_starts_with_its_first_delivery(lamp):
    assert (lamp.stock, lamp.receipts.get().quantity) == (10, 10)


def test_a_product_without_stock_has_no_delivery(make):
    assert not make(stock=0).receipts.exists()


def test_a_sku_is_taken_in_any_case(make, lamp):
    with pytest.raises(domain.SkuTaken) as caught:
        make("lamp-01")

    assert caught.value.business_rule == "unique_sku"


def test_a_product_cannot_take_the_sku_of_another_one(lamp, rug):
    with pytest.raises(domain.SkuTaken):
        domain.change(rug, {"sku": "LAMP-01"})


def test_a_change_writes_nothing_else(lamp):
    domain.reserve("a", {lamp.pk: 4})

    changed = domain.change(lamp, {"name": "Bright lamp"})

    assert (changed.name, changed.stock) == ("Bright lamp", 6)
    assert changed.updated_at > lamp.updated_at


def test_a_product_that_was_deleted_meanwhile_cannot_be_changed(lamp):
    domain.remove(lamp)

    with pytest.raises(NotFoundException):
        domain.change(Product(pk=lamp.pk), {"name": "Ghost"})


def test_a_product_that_nobody_reserved_is_deleted(lamp):
    key = lamp.pk

    domain.remove(lamp)
    domain.remove(Product(pk=key))

    assert not Product.objects.exists()
    assert not StockReceipt.objects.exists()


def test_a_product_in_a_reservation_is_only_taken_off_sale(lamp, stock):
    domain.reserve("a", {lamp.pk: 1})

    domain.remove(lamp)
    domain.release("a")

    assert not Product.objects.get().is_active
    assert stock(lamp) == 10


def test_a_delivery_adds_to_the_stock(lamp, stock):
    assert domain.restock(lamp, quantity=5, reference="d-1").stock == 15
    assert stock(lamp) == 15


def test_the_same_delivery_counts_once(lamp, stock):
    domain.restock(lamp, quantity=5, reference="d-1")

    assert domain.restock(lamp, quantity=5, reference="d-1").stock == 15


def test_a_delivery_of_another_quantity_is_another_delivery(lamp, stock):
    domain.restock(lamp, quantity=5, reference="d-1")

    with pytest.raises(domain.ReferenceUsed):
        domain.restock(lamp, quantity=6, reference="d-1")

    assert stock(lamp) == 15


def test_two_products_may_arrive_with_one_delivery(lamp, rug, stock):
    domain.restock(lamp, quantity=5, reference="d-1")
    domain.restock(rug, quantity=1, reference="d-1")

    assert (stock(lamp), stock(rug)) == (15, 2)


def test_nothing_is_delivered_for_a_product_that_is_gone(lamp):
    gone = Product(pk=lamp.pk)
    domain.remove(lamp)

    with pytest.raises(NotFoundException):
        domain.restock(gone, quantity=5, reference="d-1")
