SELECT DISTINCT customer FROM customer_months WHERE {{ in_months }} ORDER BY customer
