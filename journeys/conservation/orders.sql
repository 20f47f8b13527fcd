-- What the orders say was paid for each, and which goods were handed over for it.
SELECT currency || ' paid for order-' || reference AS account, -total_amount AS amount
FROM orders_order
WHERE status = 'confirmed'

UNION ALL

SELECT 'product ' || line.product_id || ' sold', -sum(line.quantity)
FROM orders_orderline AS line
JOIN orders_order AS placed ON placed.id = line.order_id
WHERE placed.status = 'confirmed'
GROUP BY line.product_id
