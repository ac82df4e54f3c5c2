-- The share of this month's images that failed, of each customer with at least 50 images.
SELECT customer, sum(failed)::float8 / sum(images) AS failed FROM customer_months
 WHERE month = date_trunc('month', now() AT TIME ZONE 'UTC')::date
 GROUP BY customer HAVING sum(images) >= 50
