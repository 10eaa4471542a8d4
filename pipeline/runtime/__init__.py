"""The embedded Postgres and S3 server of a one-machine installation."""
