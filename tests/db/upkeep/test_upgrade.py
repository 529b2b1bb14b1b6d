import base64
import hashlib
import hmac
import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, delete, inspect, select, text
from sqlalchemy.exc import DBAPIError

from db.connection.engine import open_database, read_session, write_connection, write_session
from db.connection.errors import DatabaseError
from db.tables.columns import Base
from db.tables.imaging import ReasonRow
from db.tables.migrate import alembic_config
from db.tables.revisions import REVISIONS
from db.tables.roles import set_passwords
from db.upkeep.upgrade import check_schema, is_empty, upgrade_schema
from db.worklist.view import WORKLIST_V1
from pipeline.codes import ReasonCode
from tests.db.conftest import BOTH
from tests.db.site import Site, make_instance

CONTRACT = Path(__file__).parent / "worklist_v1.json"


@pytest.fixture(params=BOTH)
def fresh_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'fresh.db'}"
    return str(request.getfixturevalue("postgres_url"))


def test_every_migration_is_known_to_the_check() -> None:
    scripts = ScriptDirectory.from_config(alembic_config()).walk_revisions()
    assert [script.revision for script in scripts] == list(reversed(REVISIONS))


def test_an_empty_database_is_refused_until_it_is_upgraded(fresh_url: str) -> None:
    engine = open_database(fresh_url)
    assert is_empty(engine)
    with pytest.raises(DatabaseError, match="no tables yet; run `pneumoscreen db upgrade`"):
        check_schema(engine)
    revision = upgrade_schema(engine)
    check_schema(engine)
    assert not is_empty(engine)
    assert upgrade_schema(engine) == revision
    engine.dispose()


def test_an_older_database_is_refused_until_it_is_upgraded(engine: Engine) -> None:
    with write_session(engine) as session:
        session.execute(delete(ReasonRow).where(ReasonRow.reason_code == "TOO_SMALL"))
    with pytest.raises(DatabaseError, match="older version; run `pneumoscreen db upgrade`"):
        check_schema(engine)
    upgrade_schema(engine)
    check_schema(engine)


def test_a_newer_database_is_refused(fresh_url: str) -> None:
    engine = open_database(fresh_url)
    upgrade_schema(engine)
    with write_connection(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for use in (check_schema, upgrade_schema):
        with pytest.raises(DatabaseError, match=r"older than the database.*upgrade pneumoscreen"):
            use(engine)
    engine.dispose()


def test_a_database_with_reason_codes_of_a_later_version_is_refused(fresh_url: str) -> None:
    engine = open_database(fresh_url)
    upgrade_schema(engine)
    with write_connection(engine) as connection:
        connection.execute(text("INSERT INTO reason VALUES ('FROM_THE_FUTURE', 'FAILED')"))
    for use in (check_schema, upgrade_schema):
        with pytest.raises(DatabaseError, match=r"FROM_THE_FUTURE.*upgrade pneumoscreen"):
            use(engine)
    engine.dispose()


def test_two_upgrades_at_once_make_one_schema(fresh_url: str) -> None:
    engines = [open_database(fresh_url) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        revisions = list(pool.map(upgrade_schema, engines))
    assert revisions[0] == revisions[1]
    check_schema(engines[0])
    for engine in engines:
        engine.dispose()


def test_an_interrupted_upgrade_leaves_the_database_as_it_was(
    fresh_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_database(fresh_url)

    def interrupt(_connection: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("db.upkeep.upgrade._sync_reasons", interrupt)  # its very last step
    with pytest.raises(KeyboardInterrupt):
        upgrade_schema(engine)
    assert is_empty(engine)
    monkeypatch.undo()
    upgrade_schema(engine)
    check_schema(engine)
    engine.dispose()


def test_the_migrations_make_what_the_tables_say(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, Base.metadata) == []


def test_the_migrations_make_the_constraints_that_the_tables_say(engine: Engine) -> None:
    inspector = inspect(engine)
    for table in Base.metadata.sorted_tables:
        expected = {str(c.name) for c in table.constraints if str(c.name).startswith("ck_")}
        found = {check["name"] for check in inspector.get_check_constraints(table.name)}
        assert found == expected, table.name


def test_check_constraints_keep_each_vocabulary(site: Site) -> None:
    site.receive(make_instance())
    for statement in (
        "UPDATE study SET status = 'UNKNOWN'",
        "UPDATE study SET band = 'MAYBE'",
        "UPDATE study SET probability = 1.5",
        "UPDATE instance SET lane = 'FAST'",
        "UPDATE instance SET state = 'SCREENED'",
        "UPDATE instance SET reason_code = 'BECAUSE'",
    ):
        with pytest.raises(DBAPIError), write_connection(site.engine) as connection:
            connection.execute(text(statement))


def test_the_event_log_refuses_changes(site: Site) -> None:
    site.receive(make_instance())
    with (
        pytest.raises(DBAPIError, match="append-only"),
        write_connection(site.engine) as connection,
    ):
        connection.execute(text("UPDATE event SET actor = 'nobody'"))


def test_every_reason_code_is_in_the_database_with_its_state(engine: Engine) -> None:
    with read_session(engine) as session:
        stored = dict(
            session.execute(select(ReasonRow.reason_code, ReasonRow.instance_state)).all()
        )
    assert stored == {code.value: code.state for code in ReasonCode}


def test_the_view_keeps_its_contract(engine: Engine) -> None:
    """The file may only grow: sites select these columns by name and by type."""
    contract = json.loads(CONTRACT.read_text())
    found = {
        column["name"]: str(column["type"]) for column in inspect(engine).get_columns("worklist_v1")
    }
    assert found == contract[engine.dialect.name]
    assert list(found) == list(WORKLIST_V1.columns.keys())


def run_as(engine: Engine, role: str, statement: str) -> None:
    with write_connection(engine) as connection:
        connection.execute(text(f"SET LOCAL ROLE {role}"))
        connection.execute(text(statement))


@pytest.mark.postgres
def test_roles_get_what_they_need_and_no_more(postgres_url: str) -> None:
    engine = open_database(postgres_url)
    upgrade_schema(engine)
    allowed = {
        "worklist_reader": ["SELECT * FROM worklist_v1"],
        "priority_writer": [
            "INSERT INTO ordered_priority (accession_number, priority) VALUES ('A-1', 'STAT')"
        ],
        "pneumoscreen_service": [
            "SELECT * FROM study",
            "UPDATE instance SET attempts = 1",
            "DELETE FROM finding",
            "SELECT * FROM worklist_v1",
            "SELECT * FROM alembic_version",
        ],
    }
    refused = {
        "worklist_reader": ["SELECT * FROM study", "DELETE FROM study"],
        "priority_writer": ["SELECT * FROM study", "DELETE FROM ordered_priority"],
        "pneumoscreen_service": [
            "DELETE FROM event",
            "DELETE FROM instance",
            "CREATE TABLE extra (id int)",
            "ALTER TABLE study ADD extra int",
        ],
    }
    for role, statements in allowed.items():
        for statement in statements:
            run_as(engine, role, statement)
    for role, statements in refused.items():
        for statement in statements:
            with pytest.raises(DatabaseError, match="this user may not do that"):
                run_as(engine, role, statement)
    engine.dispose()


def scram_verifier(password: str, like: str) -> str:
    """Compute the verifier of a password with another's salt and iterations (RFC 5803)."""
    iterations, salt = like.split("$")[1].split(":")
    salted = hashlib.pbkdf2_hmac(
        "sha256", password.encode(), base64.b64decode(salt), int(iterations)
    )
    client, server = (hmac.digest(salted, key, "sha256") for key in (b"Client Key", b"Server Key"))
    stored = hashlib.sha256(client).digest()
    keys = ":".join(base64.b64encode(key).decode() for key in (stored, server))
    return f"SCRAM-SHA-256${iterations}:{salt}${keys}"


@pytest.mark.postgres
def test_a_role_with_a_password_may_log_in_and_its_password_is_sent_to_no_one(
    postgres_url: str,
) -> None:
    engine = open_database(postgres_url)
    role = f"test_{uuid4().hex}"
    with write_connection(engine) as connection:
        connection.execute(text(f"CREATE ROLE {role} NOLOGIN"))
        try:
            set_passwords(connection, {role: "it's secret"})
            may_log_in, verifier = connection.execute(
                text("SELECT rolcanlogin, rolpassword FROM pg_authid WHERE rolname = :role"),
                {"role": role},
            ).one()
        finally:
            connection.execute(text(f"DROP ROLE {role}"))
    assert may_log_in
    assert verifier == scram_verifier("it's secret", like=verifier)
    engine.dispose()


@pytest.mark.postgres
def test_who_may_not_change_roles_is_told_so(postgres_url: str) -> None:
    engine = open_database(postgres_url)
    upgrade_schema(engine)
    with write_connection(engine) as connection:
        connection.execute(text("SET LOCAL ROLE worklist_reader"))
        with pytest.raises(DatabaseError, match="let it have CREATEROLE"):
            set_passwords(connection, {"worklist_reader": "secret"})
    engine.dispose()


def test_a_percent_sign_in_the_path_is_no_obstacle(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / '100%d' / 'a.db'}")
    upgrade_schema(engine)
    check_schema(engine)
    engine.dispose()


def test_another_programs_tables_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "shared.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (id INTEGER)")
    connection.close()
    engine = open_database(f"sqlite:///{path}")
    assert not is_empty(engine)
    upgrade_schema(engine)
    assert "theirs" in inspect(create_engine(f"sqlite:///{path}")).get_table_names()
    engine.dispose()
