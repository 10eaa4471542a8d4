"""Delivery of filed documents to other systems: an outbox that the database writes, formats and
transports."""
