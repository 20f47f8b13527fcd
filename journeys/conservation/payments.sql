-- What was taken for each order and not given back.
SELECT currency || ' paid for ' || reference AS account, captured_amount - refunded_amount AS amount
FROM payments_payment
WHERE captured_amount <> refunded_amount
