-- Events as a platform handed them over, for one that hands them over once: on disk before they are confirmed to it.

CREATE TABLE arrivals (
  platform TEXT NOT NULL,
  id INTEGER NOT NULL,                  -- the platform's own; unique for as long as it is kept
  account TEXT NOT NULL,                -- whose it is, so that it can be forgotten; '' nobody's
  body TEXT,                            -- as it was handed over; NULL: it is taken care of, and kept to be known again
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (platform, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX arrivals_open ON arrivals (platform, id) WHERE body IS NOT NULL;
CREATE INDEX arrivals_at ON arrivals (at_ms);
CREATE INDEX arrivals_account ON arrivals (account) WHERE body IS NOT NULL;
