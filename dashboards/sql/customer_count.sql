SELECT count(DISTINCT customer) AS customers FROM customer_months WHERE {{ in_months }}
