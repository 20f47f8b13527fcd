-- What was handed over of each product, and whether what ever came in is still somewhere.
SELECT 'product ' || line.product_id || ' sold' AS account, sum(line.quantity) AS amount
FROM products_reservationline AS line
JOIN products_reservation AS made ON made.id = line.reservation_id
WHERE made.status = 'committed'
GROUP BY line.product_id

UNION ALL

SELECT 'product ' || id || ' in stock, reserved and sold', -stock
FROM products_product

UNION ALL

SELECT 'product ' || line.product_id || ' in stock, reserved and sold', -sum(line.quantity)
FROM products_reservationline AS line
JOIN products_reservation AS made ON made.id = line.reservation_id
WHERE made.status IN ('reserved', 'committed')
GROUP BY line.product_id

UNION ALL

SELECT 'product ' || product_id || ' in stock, reserved and sold', sum(quantity)
FROM products_stockreceipt
GROUP BY product_id
