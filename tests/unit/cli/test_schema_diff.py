from dormouse.cli.schema_diff import coloured, diff_of


def test_equal_schemas_have_no_difference() -> None:
    assert diff_of("CREATE TABLE a ();\n", "CREATE TABLE a ();\n", before_name="main", after_name="dev") == ""


def test_colours_are_those_of_git_and_headers_are_known_by_their_place() -> None:
    text = diff_of("-- a comment\n", "++ none\n", before_name="main", after_name="dev")

    assert text == "--- main\n+++ dev\n@@ -1 +1 @@\n--- a comment\n+++ none\n"
    assert coloured(text) == (
        "\x1b[1m--- main\x1b[0m\n\x1b[1m+++ dev\x1b[0m\n\x1b[36m@@ -1 +1 @@\x1b[0m\n"
        "\x1b[31m--- a comment\x1b[0m\n\x1b[32m+++ none\x1b[0m\n"
    )
