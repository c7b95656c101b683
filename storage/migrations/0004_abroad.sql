-- What of a picture is known outside Darkroom. Both go with the picture.

ALTER TABLE pictures ADD COLUMN shared_ms INTEGER;      -- when its owner shared it by a link; NULL: it is not shared
ALTER TABLE pictures ADD COLUMN sent_as TEXT;           -- what a chat calls the file it was sent as: "telegram:<bot>:<file>"
