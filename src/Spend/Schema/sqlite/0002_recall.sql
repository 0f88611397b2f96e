-- Numbers the recalls of a budget's unused capacity, and says up to which percentage of which window a warning went out.
ALTER TABLE spend_budgets ADD COLUMN recall INTEGER NOT NULL DEFAULT 0;
ALTER TABLE spend_budgets ADD COLUMN warned_window INTEGER NOT NULL DEFAULT -1;
ALTER TABLE spend_budgets ADD COLUMN warned_percent INTEGER NOT NULL DEFAULT 0;

-- The last recall that the holder has answered, and the least that it used between that answer and the one before.
ALTER TABLE spend_leases ADD COLUMN answered INTEGER NOT NULL DEFAULT 0;
ALTER TABLE spend_leases ADD COLUMN floor_nano INTEGER NOT NULL DEFAULT 0;
