-- How many frames or pages a rendition holds. The default is for the rows that are there already, and goes again:
-- results from before say one by themselves.

ALTER TABLE renditions ADD COLUMN frames integer NOT NULL DEFAULT 1;
ALTER TABLE renditions ALTER COLUMN frames DROP DEFAULT;

COMMENT ON COLUMN renditions.frames IS 'Frames of an animation, pages of a TIFF; 1 for a single picture';
