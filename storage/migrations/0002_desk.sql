-- The desk: who may do what and how much, what is still to be told, what admins did. Times are Unix milliseconds.

-- A row of `people` is an account on one platform ("discord:123"). Linked accounts are one person: they have one head.
ALTER TABLE people ADD COLUMN head INTEGER REFERENCES people;          -- NULL: stands for itself
ALTER TABLE people ADD COLUMN is_operator INTEGER NOT NULL DEFAULT 0 CHECK (is_operator IN (0, 1)); -- claimed in a chat
ALTER TABLE people ADD COLUMN is_allowed INTEGER CHECK (is_allowed IN (0, 1)); -- NULL: as the place says
ALTER TABLE people ADD COLUMN rate_full_ms INTEGER NOT NULL DEFAULT 0; -- GCRA's theoretical arrival time; of heads
CREATE INDEX people_head ON people (head) WHERE head IS NOT NULL;
CREATE INDEX people_name ON people (name COLLATE NOCASE);

-- What is set, by whom it is for: '' (all of Darkroom), 'place:discord:1:2' and every place it lies in
-- ('place:discord:1', 'place:discord'), 'group:<role or group>', 'person:<people.id of a head>', 'tier:<name>'.
CREATE TABLE settings (
  subject TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (subject, key)
) STRICT, WITHOUT ROWID;
INSERT INTO settings (subject, key, value) VALUES
  ('tier:member', 'rate', '10'), ('tier:member', 'burst', '10'), ('tier:member', 'in_flight', '20'), ('tier:member', 'daily', '100'),
  ('tier:guest', 'rate', '3'), ('tier:guest', 'burst', '3'), ('tier:guest', 'in_flight', '4'), ('tier:guest', 'daily', '10'),
  ('tier:trusted', 'rate', '30'), ('tier:trusted', 'burst', '30'), ('tier:trusted', 'in_flight', '100'), ('tier:trusted', 'daily', '1000'),
  ('tier:unlimited', 'rate', 'inf'), ('tier:unlimited', 'burst', 'inf'), ('tier:unlimited', 'in_flight', 'inf'), ('tier:unlimited', 'daily', 'inf'),
  ('', 'tier', 'member');

-- The ledger of the daily quota: what drawing was charged, what admins gave (negative), what linking carried over.
CREATE TABLE charges (
  no INTEGER PRIMARY KEY,
  person INTEGER NOT NULL REFERENCES people,
  of_person INTEGER REFERENCES people,  -- carried: what this other account spent while the two were one person
  day INTEGER NOT NULL,                 -- UTC days since 1970
  job TEXT,                             -- jobs.id; what is charged once is refunded once
  kind TEXT NOT NULL CHECK (kind IN ('drawing', 'grant', 'reset', 'carried')),
  cost REAL NOT NULL,                   -- standard pictures
  gpu_s REAL NOT NULL DEFAULT 0,
  n_pictures INTEGER NOT NULL DEFAULT 0,
  is_refunded INTEGER NOT NULL DEFAULT 0 CHECK (is_refunded IN (0, 1))
) STRICT;
CREATE INDEX charges_used ON charges (person, day);
CREATE INDEX charges_of ON charges (of_person) WHERE of_person IS NOT NULL;
CREATE UNIQUE INDEX charges_job ON charges (job) WHERE job IS NOT NULL;

CREATE TABLE bans (
  person INTEGER NOT NULL REFERENCES people,
  place TEXT NOT NULL,                  -- '' everywhere, else this place and all within
  reason TEXT NOT NULL,
  until_ms INTEGER,                     -- NULL: until somebody lifts it
  by INTEGER REFERENCES people,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (person, place)
) STRICT, WITHOUT ROWID;

-- What admins did. Its people are rows of `people`, which /forget leaves without a name.
CREATE TABLE audit (
  no INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  actor INTEGER NOT NULL REFERENCES people,
  place TEXT NOT NULL,
  act TEXT NOT NULL,
  target INTEGER REFERENCES people,
  words TEXT NOT NULL
) STRICT;
CREATE INDEX audit_target ON audit (target) WHERE target IS NOT NULL;
CREATE INDEX audit_actor ON audit (actor);

-- Events that made no request (presses, admin commands) and what was answered, for two days.
CREATE TABLE inbox (
  event_key TEXT PRIMARY KEY,
  person INTEGER NOT NULL REFERENCES people,
  at_ms INTEGER NOT NULL,
  answer TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX inbox_at ON inbox (at_ms);

-- One-time codes, by their hash.
CREATE TABLE codes (
  hash TEXT PRIMARY KEY,
  purpose TEXT NOT NULL CHECK (purpose IN ('link', 'claim')),
  person INTEGER REFERENCES people,     -- whose code it is; NULL for the operator's
  expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What people are still to be told: pending → sending → sent | dead | ambiguous. `sending` is saved before the call.
CREATE TABLE outbox (
  no INTEGER PRIMARY KEY,
  request INTEGER NOT NULL REFERENCES requests,
  kind TEXT NOT NULL CHECK (kind IN ('acknowledge', 'result', 'withdraw')),
  state TEXT NOT NULL CHECK (state IN ('pending', 'sending', 'sent', 'dead', 'ambiguous')),
  n_attempts INTEGER NOT NULL DEFAULT 0,
  next_ms INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  ended_ms INTEGER,
  reason TEXT NOT NULL DEFAULT '',
  UNIQUE (request, kind)
) STRICT;
CREATE INDEX outbox_due ON outbox (next_ms) WHERE state = 'pending';
CREATE INDEX outbox_unknown ON outbox (state) WHERE state = 'sending';
CREATE INDEX outbox_uncollected ON outbox (request) WHERE kind = 'result' AND state IN ('dead', 'ambiguous');

-- Lives of the bot: one that has no end was cut off.
CREATE TABLE lives (no INTEGER PRIMARY KEY, started_ms INTEGER NOT NULL, ended_ms INTEGER) STRICT;

ALTER TABLE requests ADD COLUMN remote_id TEXT;                 -- the platform's own name of the message that shows it
ALTER TABLE jobs ADD COLUMN cost REAL NOT NULL DEFAULT 0;       -- standard pictures
ALTER TABLE jobs ADD COLUMN waited_ms INTEGER;                  -- from asking until a worker took it
CREATE INDEX jobs_waiting ON jobs (request, state) WHERE state = 'waiting'; -- `state` too, so that counting needs no row
CREATE INDEX requests_person ON requests (person);
CREATE INDEX requests_waiting_of ON requests (person, state) WHERE state = 'waiting';
CREATE INDEX pictures_when ON pictures (created_ms);
