-- The files that these comments name have moved.
COMMENT ON COLUMN images.code IS 'Why it failed, from the closed list in core/domain/errors.py';
COMMENT ON TABLE schema_migrations IS 'Which numbered files of core/adapters/postgres/schema were applied';
COMMENT ON TABLE prices IS 'What AWS asks for, in US dollars, each from a day on; from core/routing/prices.json, by `migrate`';

-- No code opens a higher run.
COMMENT ON COLUMN images.run IS 'The run of the image: always 0 so far, since no command processes a committed image again';
