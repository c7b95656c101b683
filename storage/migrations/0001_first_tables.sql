-- Times are Unix milliseconds. Hashes are SHA-256, 32 bytes. A recipe is JSON, as msgspec writes engine.domain.Recipe.

CREATE TABLE people (
  id INTEGER PRIMARY KEY,
  owner TEXT NOT NULL UNIQUE,          -- opaque: "web:operator"
  name TEXT NOT NULL,
  first_ms INTEGER NOT NULL,
  last_ms INTEGER NOT NULL,
  n_pictures INTEGER NOT NULL DEFAULT 0 CHECK (n_pictures >= 0), -- those in `pictures`; counting them would take a scan
  gpu_s REAL NOT NULL DEFAULT 0        -- all that was ever drawn for them, deleted or not
) STRICT;

CREATE TABLE places (
  id INTEGER PRIMARY KEY,
  place TEXT NOT NULL UNIQUE,          -- opaque: "web:page"
  first_ms INTEGER NOT NULL,
  last_ms INTEGER NOT NULL
) STRICT;

-- A stored file. kept → leaving (may be unlinked any moment) → gone, or no row at all once nothing refers to it.
CREATE TABLE files (
  id INTEGER PRIMARY KEY,
  hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
  media_type TEXT NOT NULL,
  n_bytes INTEGER NOT NULL,
  stored_ms INTEGER NOT NULL,          -- when it was put last
  n_unclaimed INTEGER NOT NULL DEFAULT 1, -- how often it was put without anything having come to refer to it yet
  state TEXT NOT NULL DEFAULT 'kept' CHECK (state IN ('kept', 'leaving', 'gone'))
) STRICT;
CREATE INDEX files_kept ON files (n_bytes) WHERE state = 'kept';
CREATE INDEX files_leaving ON files (state) WHERE state = 'leaving';

CREATE TABLE requests (
  no INTEGER PRIMARY KEY,              -- the order they came in
  id TEXT NOT NULL UNIQUE,
  event_key TEXT NOT NULL UNIQUE,
  person INTEGER NOT NULL REFERENCES people,
  place INTEGER NOT NULL REFERENCES places,
  reply_to TEXT NOT NULL,
  asker TEXT NOT NULL,
  kind TEXT NOT NULL,
  words TEXT NOT NULL,
  parent TEXT,                         -- the name of the picture it came from
  state TEXT NOT NULL CHECK (state IN ('offered', 'waiting', 'done', 'failed', 'cancelled')),
  sentence TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  ended_ms INTEGER,
  grid INTEGER REFERENCES files,
  is_deleted INTEGER NOT NULL DEFAULT 0 CHECK (is_deleted IN (0, 1))
) STRICT;
CREATE INDEX requests_waiting ON requests (state) WHERE state = 'waiting';
CREATE INDEX requests_shown ON requests (person, created_ms, no) WHERE is_deleted = 0;
CREATE INDEX requests_grid ON requests (grid) WHERE grid IS NOT NULL;

CREATE TABLE jobs (
  no INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  request INTEGER NOT NULL REFERENCES requests,
  ordinal INTEGER NOT NULL,
  first_number INTEGER NOT NULL,
  label TEXT NOT NULL,
  recipe TEXT NOT NULL CHECK (json_valid(recipe)),
  n_pictures INTEGER NOT NULL,
  source INTEGER REFERENCES files,
  source_pixels BLOB,                  -- recipe.source.sha256: the pixels that `source` holds
  treatment TEXT,
  state TEXT NOT NULL CHECK (state IN ('offered', 'waiting', 'done', 'failed', 'cancelled')),
  n_losses INTEGER NOT NULL DEFAULT 0,
  gpu_s REAL NOT NULL DEFAULT 0,
  sentence TEXT NOT NULL DEFAULT '',
  UNIQUE (request, ordinal)
) STRICT;
CREATE INDEX jobs_source ON jobs (source) WHERE source IS NOT NULL;
CREATE INDEX jobs_source_pixels ON jobs (source_pixels) WHERE source_pixels IS NOT NULL;

CREATE TABLE pictures (
  id INTEGER PRIMARY KEY AUTOINCREMENT, -- the order they were finished in; never used twice
  request INTEGER NOT NULL REFERENCES requests,
  job INTEGER NOT NULL REFERENCES jobs,
  number INTEGER NOT NULL CHECK (number > 0),
  person INTEGER NOT NULL REFERENCES people,
  place INTEGER NOT NULL REFERENCES places,
  recipe TEXT NOT NULL CHECK (json_valid(recipe)),
  label TEXT NOT NULL,
  treatment TEXT,
  pixel_hash BLOB NOT NULL CHECK (length(pixel_hash) = 32),
  file INTEGER NOT NULL REFERENCES files,
  thumbnail INTEGER NOT NULL REFERENCES files,
  animation INTEGER REFERENCES files,
  width_px INTEGER NOT NULL,
  height_px INTEGER NOT NULL,
  gpu_s REAL NOT NULL,
  created_ms INTEGER NOT NULL,
  UNIQUE (request, number)
) STRICT;
CREATE INDEX pictures_person ON pictures (person);
CREATE INDEX pictures_job ON pictures (job);
CREATE INDEX pictures_pixels ON pictures (pixel_hash);
CREATE INDEX pictures_file ON pictures (file);
CREATE INDEX pictures_thumbnail ON pictures (thumbnail);
CREATE INDEX pictures_animation ON pictures (animation) WHERE animation IS NOT NULL;

-- What can be searched, by pictures.id: every beginning of every word, with its person in front (storage/words.py says
-- how). It keeps no text of its own, so a row is deleted by saying its words again.
CREATE VIRTUAL TABLE search USING fts5 (
  tokens, content = '', columnsize = 0, detail = 'none', tokenize = "ascii tokenchars '_'"
);

-- What must still be done, also after a restart: "forget words" while the search index may hold words of deleted rows.
CREATE TABLE chores (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
  token_hash TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_expiry ON sessions (expires_ms);

CREATE TABLE links (
  token_hash TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX links_expiry ON links (expires_ms);

-- What the engine has learned about its own speed; `ordinal` is the order it was learned in.
CREATE TABLE speeds (
  ordinal INTEGER PRIMARY KEY,
  model TEXT NOT NULL,
  width_px INTEGER NOT NULL,
  height_px INTEGER NOT NULL,
  seconds_per_cost TEXT NOT NULL CHECK (json_valid(seconds_per_cost)),
  UNIQUE (model, width_px, height_px)
) STRICT;
