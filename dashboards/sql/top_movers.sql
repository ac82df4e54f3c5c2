-- The last whole month of the time range against the month before.
WITH months AS (
    SELECT (date_trunc('month', $__timeTo()::timestamp) - interval '1 month')::date AS last,
           (date_trunc('month', $__timeTo()::timestamp) - interval '2 months')::date AS before
)
SELECT customer, coalesce(sum(images) FILTER (WHERE month = before), 0) AS before,
       coalesce(sum(images) FILTER (WHERE month = last), 0) AS after,
       coalesce(sum(images) FILTER (WHERE month = last), 0)
       - coalesce(sum(images) FILTER (WHERE month = before), 0) AS change,
       coalesce(sum(usd) FILTER (WHERE month = last), 0)
       - coalesce(sum(usd) FILTER (WHERE month = before), 0) AS dollars
  FROM customer_months, months WHERE month IN (last, before)
 GROUP BY customer ORDER BY abs(coalesce(sum(images) FILTER (WHERE month = last), 0)
       - coalesce(sum(images) FILTER (WHERE month = before), 0)) DESC, customer LIMIT 25
