"""Documents leave: an outbox that the database writes, and a sender for each kind of receiver."""
