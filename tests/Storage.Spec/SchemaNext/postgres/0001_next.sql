-- What a later version would add beside what the version before it uses.
ALTER TABLE spec_notes ADD COLUMN colour text NULL;
ALTER TABLE spec_notes ADD COLUMN weight bigint NOT NULL DEFAULT 1;
ALTER TABLE spec_rows ADD COLUMN source text NULL;
CREATE INDEX spec_notes_colour ON spec_notes (colour);
CREATE TABLE specnext_things (
  id text NOT NULL PRIMARY KEY,
  note_id text COLLATE "C" NULL REFERENCES spec_notes (id)
);
