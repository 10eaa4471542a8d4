"""Where things are kept: connections, object storage, migrations, named SQL."""
