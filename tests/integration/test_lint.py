"""Each rule of `make lint` about the shape of the program can fail."""

import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / ".ci"))
import check_docs
import check_sources
import structure

PAGE = "text\n\n    base <- event <- route, kafka <- app, trial <- main\n"
SEVEN = "static int f(int a, int b, int c, int d, int e, int g, int h)\n{\n}\n"


def includes(room, header):
    ranks = check_sources.room_ranks(PAGE)
    text = f'/* a comment */\n#include "{header}"\n'
    return list(check_sources.include_problems(pathlib.Path(f"processor/{room}/x.c"), text, ranks))


def test_includes_go_down_and_not_sideways():
    assert includes("route", "event/event_view.h") == [] and includes("route", "route/route_table.h") == []
    assert [line for line, text in includes("event", "route/route_table.h") if "above" in text] == [2]
    assert [line for line, text in includes("kafka", "route/route_table.h") if "beside" in text] == [2]
    assert [line for line, text in includes("app", "trial/fetch.h") if "beside" in text] == [2]
    assert includes("route", "table.h") and includes("route", "nowhere/x.h") and includes("nowhere", "base/base.h")


def test_only_dispatch_asks_health():
    def findings(name, code):
        return list(check_sources.health_problems(pathlib.Path("processor/deliver") / name, code))

    assert findings("dispatch.c", "if (health_is_closed(h, 1)) {}\n") == []
    assert findings("sender.c", "(void)health_ended(h, 1, 2, &call);\n") == []
    assert [line for line, _ in findings("sender.c", "int a;\nif (health_is_closed(h, 1)) {}\n")] == [2]


def parameters(code):
    return [what for _, what, _, _ in structure.parameter_findings("x.c", check_sources.without_comments(code))]


def test_a_function_has_at_most_six_parameters():
    assert parameters(SEVEN) == ["x.c:f"]
    assert parameters("struct a *\nf(int a, int b, int c,\n  int d, int e, int g, void (*h)(int, int))\n{\n}\n") == ["x.c:f"]
    assert parameters("static int f(int a, int b, int c, int d, int e, void (*each)(int, int, int))\n{\n}\n") == []
    assert parameters("int f(void)\n{\n    return g(1, 2, 3, 4, 5, 6, 7);\n}\n") == []
    assert parameters("/* " + SEVEN + " */\n") == []


def test_a_file_has_at_most_500_lines():
    assert list(structure.length_findings("x.c", "\n" * 500)) == []
    assert [rule for rule, *_ in structure.length_findings("x.c", "\n" * 501)] == ["lines"]


def test_what_one_object_defines_another_takes():
    table = {"a.o": ({"main", "used", "alone"}, {"other", "printf"}), "b.o": ({"other"}, {"used"})}
    assert [(what, path) for _, what, _, _, path in structure.symbol_findings(table)] == [("alone", "a.o")]


def test_symbols_are_read_from_objects(tmp_path):
    source = tmp_path / "a.c"
    source.write_text("extern int taken(void);\nint given(void);\nstatic int own(void) { return 1; }\n"
                      "int table[3];\nint given(void) { return taken() + own(); }\n")
    subprocess.run(["gcc", "-c", "-o", tmp_path / "a.o", source], check=True)
    assert structure.symbols([tmp_path / "a.o"]) == {str(tmp_path / "a.o"): ({"given", "table"}, {"taken"})}


def test_an_exception_has_a_reason_and_excepts_something():
    text = "# why\nparameters x.c:f the library calls it so\nlines y.c a table\nunused z\nunused w being reworked\n"
    exceptions = structure.Exceptions(text)
    found = list(check_sources.shape_problems({"processor/x.c": SEVEN}, exceptions, []))
    assert found == [] and [line for line, _ in exceptions.problems()] == [3, 4, 5]
    assert len(list(check_sources.shape_problems({"processor/x.c": SEVEN}, structure.Exceptions(""), []))) == 1


def test_a_cell_of_a_table_is_short(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"| a | b |\n| --- | --- |\n| {'x' * 200} | **`{'x' * 199}`** |\n| [y]({'x' * 300}) | a \\| b |\n")
    assert list(check_docs.cell_problems(page)) == []
    page.write_text(f"```\n| {'x' * 300} | b |\n```\n| a | b |\n| --- | --- |\n| {'x' * 201} | b |\n")
    assert [problem.split(":")[1] for problem in check_docs.cell_problems(page)] == ["6"]


def comments(path, text):
    return [line for line, _ in check_sources.comment_problems(pathlib.Path(path), text, ["processor/base/span.h"])]


def test_a_comment_names_files_that_are_there_and_a_header_itself():
    assert comments("processor/base/x.h", "/** x - see base/span.h and <time.h> */\nconst char *a = \"/* gone.h */\";\n") == []
    assert comments("processor/base/x.c", "\n/* see design.md */\n") == [2]
    assert comments("processor/base/x.h", "/** y - another */\n") == [1] and comments("processor/base/x.h", "int a;\n") == [1]
