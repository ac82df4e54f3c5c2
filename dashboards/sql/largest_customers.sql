SELECT customer, sum(images) AS images, {{ failed_share }} AS failed, sum(bytes_in) AS "bytes in",
       sum(bytes_saved) AS "bytes saved", sum(usd) AS dollars, {{ usd_per_thousand }} AS "dollars a thousand"
  FROM customer_months WHERE {{ in_months }}
 GROUP BY customer ORDER BY sum(images) DESC, customer LIMIT 100
