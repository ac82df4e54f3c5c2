SELECT at AS "when", event FROM image_facts, LATERAL (VALUES
           (received_at, 'received by the door ' || source || ' for ' || customer),
           (committed_at, 'committed ' || status || coalesce(': ' || code, '') || ', run ' || run
                          || ', on the route ' || route || coalesce(' ' || tier, '')),
           (erased_at, 'asked to be erased'),
           (CASE WHEN isfinite(expires_at) THEN expires_at END, 'renditions expire')
       ) events (at, event)
 WHERE {{ of_image }} AND at IS NOT NULL ORDER BY at
