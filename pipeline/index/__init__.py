"""Documents are filed and found: rows in Postgres, search, deliveries."""
