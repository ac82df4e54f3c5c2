-- What measuring steps found: numbers, and hashes as text, by the step's name. The default is for the rows that are
-- there already, and goes again: results without measurements say so themselves.

ALTER TABLE images ADD COLUMN measurements jsonb NOT NULL DEFAULT '{}';
ALTER TABLE images ALTER COLUMN measurements DROP DEFAULT;

COMMENT ON COLUMN images.measurements IS 'What measuring steps found, by their names: {"sharpness": 41.5}; empty once erased';
