ALTER TABLE spec_notes ADD COLUMN kind text NOT NULL DEFAULT 'plain';
-- Forced row-level security hides every row from the owner of the table as well.
SET LOCAL ROLE {system};
UPDATE spec_notes SET kind = 'from before';
RESET ROLE;
