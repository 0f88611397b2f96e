ALTER TABLE spec_notes ADD COLUMN kind TEXT NOT NULL DEFAULT 'plain';
UPDATE spec_notes SET kind = 'from before';
