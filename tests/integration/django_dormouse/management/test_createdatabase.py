"""`manage.py createdatabase` on a real server that asks for passwords."""

PASSWORD = "sesame-7531 o'é\\"
ESCAPED = "sesame-7531%20o'%C3%A9%5C"


def site(project, server, *, role="made_one", password=ESCAPED, database="made shop", query=""):
    url = f"postgresql://{role}:{password}@127.0.0.1:{server.port}/{database.replace(' ', '%20')}{query}"
    return project.with_environment(
        DATABASE_URL=url, DATABASE_REPLICA_URL="", DATABASE_ADMIN_URL=server.url(database="postgres")
    )


def test_role_database_and_rights_are_made_and_proved_and_made_once(project, guarded, asking):
    ours = site(project, guarded)

    first = ours.manage("createdatabase", "--statement-timeout", "30s")
    second = ours.manage("createdatabase", "--statement-timeout", "30s")

    assert first.returncode == 0, first.stderr
    assert "Connected as made_one to made shop" in first.stdout
    assert (second.returncode, "Nothing to do" in second.stdout) == (0, True), second.stdout + second.stderr
    assert PASSWORD not in first.stdout + first.stderr
    assert "SCRAM" not in first.stdout
    assert asking(
        "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'), "
        "current_setting('idle_in_transaction_session_timeout'), current_setting('TimeZone'), "
        "rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user",
        user="made_one", password=PASSWORD, database="made shop",
    ) == [("30s", "10s", "5min", "UTC", False, False, False)]  # fmt: skip
    assert ours.manage("migrate", "-v0").returncode == 0


def test_a_dry_run_prints_what_would_be_done_and_does_nothing(project, guarded, asking):
    done = site(project, guarded).manage("createdatabase", "--dry-run")

    assert done.returncode == 0, done.stderr
    assert (
        done.stdout.splitlines()
        == """\
CREATE ROLE "made_one" LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB PASSWORD '****';
ALTER ROLE "made_one" SET "timezone" = 'UTC';
ALTER ROLE "made_one" SET "lock_timeout" = '10s';
ALTER ROLE "made_one" SET "idle_in_transaction_session_timeout" = '5min';
CREATE DATABASE "made shop" OWNER "made_one" ENCODING 'UTF8' TEMPLATE template0;
-- in the database made shop:
GRANT USAGE, CREATE ON SCHEMA public TO "made_one";""".splitlines()
    )
    assert asking("SELECT 1 FROM pg_roles WHERE rolname = 'made_one'") == []


def test_an_administrator_who_is_no_superuser(project, guarded, asking):
    guarded.execute("CREATE ROLE made_admin LOGIN CREATEROLE CREATEDB PASSWORD 'admin-9'")
    admin = f"postgresql://made_admin:admin-9@127.0.0.1:{guarded.port}/postgres"

    ours = site(project, guarded, role="made_two", database="made_two")
    done = ours.manage("createdatabase", DATABASE_ADMIN_URL=admin)

    assert done.returncode == 0, done.stderr
    assert ours.manage("createdatabase", DATABASE_ADMIN_URL=admin).returncode == 0
    assert asking("SELECT 1", user="made_two", password=PASSWORD, database="made_two") == [(1,)]


def test_a_server_that_wants_the_password_itself_gets_it(project, guarded, asking):
    done = site(project, guarded).manage("createdatabase", "--plain-password")

    assert done.returncode == 0, done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    assert asking("SELECT 1", user="made_one", password=PASSWORD) == [(1,)]


def test_timeouts_of_the_settings_become_the_role_s(project, guarded, asking):
    ours = site(project, guarded, database="made_three", role="made_three", query="?lock_timeout=3s")

    assert ours.manage("createdatabase").returncode == 0

    assert asking("SELECT current_setting('lock_timeout')", user="made_three", password=PASSWORD) == [("3s",)]


def test_a_password_that_others_may_use_is_not_changed_unasked(project, guarded, asking):
    assert site(project, guarded).manage("createdatabase").returncode == 0
    other = site(project, guarded, password="another-1")

    refused = other.manage("createdatabase")
    changed = other.manage("createdatabase", "--set-password")

    assert refused.returncode == 1
    assert "--set-password" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert changed.returncode == 0, changed.stderr
    assert asking("SELECT 1", user="made_one", password="another-1") == [(1,)]


def test_a_schema_that_others_own_is_opened_to_the_role(project, guarded, asking):
    ours = site(project, guarded, database="made_three", role="made_three")
    assert ours.manage("createdatabase").returncode == 0
    for statement in ("ALTER SCHEMA public OWNER TO owner", "REVOKE ALL ON SCHEMA public FROM made_three"):
        asking(statement, database="made_three")

    done = ours.manage("createdatabase")

    assert done.returncode == 0, done.stderr
    assert 'GRANT USAGE, CREATE ON SCHEMA public TO "made_three"' in done.stdout


def test_what_is_missing_is_said_in_a_sentence(project, guarded):
    ours = site(project, guarded)
    for extra, says in (
        ({"DATABASE_ADMIN_URL": ""}, "Who is to create it? Set DATABASE_ADMIN_URL"),
        ({"DATABASE_ADMIN_URL": "postgresql://u:hidden-1@a-pooler.x/d"}, "give the direct host"),
        ({"DATABASE_ADMIN_URL": "postgresql://u:hidden-1@h/d?x=1"}, "DATABASE_ADMIN_URL: unknown key 'x'"),
        ({"DATABASE_ADMIN_URL": guarded.url(user="nobody_here")}, 'role "nobody_here" does not exist'),
    ):
        done = ours.manage("createdatabase", **extra)
        assert done.returncode == 1
        assert says in done.stderr
        assert "Traceback" not in done.stderr
        assert "hidden-1" not in done.stderr
    superuser = project.with_environment(DATABASE_ADMIN_URL=guarded.url()).manage("createdatabase")
    assert "is a superuser" in superuser.stderr
