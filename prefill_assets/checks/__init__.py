"""Claims about the tables that must hold: one SQL statement each, which finds where one does not."""
