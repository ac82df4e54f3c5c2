-- The image id in the typed text, as logs spell it; if the text has no id, a text that no log line holds.
SELECT coalesce(lower({{ typed_id }}), 'no-image-id') AS id
