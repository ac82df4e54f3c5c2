SELECT month, route, images, p50, p95 FROM customer_latency_months
 WHERE {{ of_customer }} AND {{ in_months }} ORDER BY month DESC, route
