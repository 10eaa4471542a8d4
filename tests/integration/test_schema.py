"""schema.sql is what the migrations make."""

from pipeline.runtime.schema import dump, schema_file


def test_the_schema_that_people_read_is_the_one_the_migrations_make(dsn: str) -> None:
    assert schema_file().read_text(encoding="utf-8") == dump(dsn), "run `make schema`"
