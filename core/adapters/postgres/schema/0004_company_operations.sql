-- Which of the company's own code an image met, and in which version. The default is for the rows that are there
-- already, and goes again: results from before say so themselves.

ALTER TABLE images ADD COLUMN operations jsonb NOT NULL DEFAULT '{}';
ALTER TABLE images ALTER COLUMN operations DROP DEFAULT;

COMMENT ON COLUMN images.operations IS
    'The company''s own operations in the pipeline, each with its package''s version: {"link-code": "acme_pictures 1.0.0"}';
