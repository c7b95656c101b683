-- Whose an unclaimed file is (an account, "discord:123"): what somebody gave, or what is being made for them. NULL once
-- something refers to it: whoever that is, is known by that.

ALTER TABLE files ADD COLUMN put_for TEXT;
CREATE INDEX files_put_for ON files (put_for) WHERE put_for IS NOT NULL;

-- Deliveries from a time that is yet to come, because the clock was set back: they are due now.
CREATE INDEX outbox_ahead ON outbox (created_ms) WHERE state = 'pending';
