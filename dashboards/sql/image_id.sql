-- The typed text as logs spell an id; without an id in it, a text that no log line holds.
SELECT coalesce(lower({{ typed_id }}), 'no-image-id') AS id
