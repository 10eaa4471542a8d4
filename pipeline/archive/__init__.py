"""Moving an old archive in: plan it, run it, verify it, report on it. See
docs/how-to/migrate-an-archive.md.
"""
