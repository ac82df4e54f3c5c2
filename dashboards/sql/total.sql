-- One sum over the time range.
SELECT {{ value }} FROM {{ days }} WHERE {{ in_days }}
