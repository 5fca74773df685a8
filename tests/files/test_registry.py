"""Agents as a CSV file: what a row may hold, and what it becomes."""

import pytest
from registry_rows import HEADER, WITH_THRESHOLD

from handoff.core.errors import RegistryError
from handoff.core.model import Agent
from handoff.files.registry import load_registry, parse_registry


def parse(*lines, header=HEADER):
    """Return the agents of a registry made of these lines."""
    data = header + b"".join(
        line if isinstance(line, bytes) else f"{line}\n".encode() for line in lines
    )
    return parse_registry(data, "agents.csv").agents


def test_a_loaded_registry_is_known_by_its_file_name(tmp_path):
    """A complaint about a cell names the file without its folders."""
    path = tmp_path / "mine.csv"
    path.write_bytes(HEADER + b"a,,Does a.,x\n")

    with pytest.raises(RegistryError) as complaint:
        load_registry(path)

    assert (
        str(complaint.value) == "mine.csv, line 2, column 2 (name): the cell is empty, fill it in."
    )


def test_a_row_becomes_an_agent():
    """Each column lands in its field."""
    agents = parse(
        'data-analyst,Data Analyst,"Reads numbers, draws charts.",data;sql,0.25',
        header=WITH_THRESHOLD,
    )

    assert agents == (
        Agent(
            id="data-analyst",
            name="Data Analyst",
            description="Reads numbers, draws charts.",
            tags=("data", "sql"),
            threshold=0.25,
        ),
    )


def test_agents_keep_the_order_of_the_file():
    """Nobody is sorted."""
    agents = parse("c,C,Does c.,", "a,A,Does a.,", "b,B,Does b.,")

    assert [agent.id for agent in agents] == ["c", "a", "b"]


def test_columns_may_stand_in_another_order():
    """A registry is read by the names in its header."""
    agents = parse("x,Does a.,a,A", header=b"tags,description,id,name\n")

    assert agents == (Agent("a", "A", "Does a.", ("x",)),)


def test_a_byte_order_mark_changes_nothing():
    """A file saved as UTF-8 with a byte order mark gives the same agents."""
    with_mark = parse_registry("\ufeffid,name,description,tags\né,É,Ça va.,ü\n".encode(), "a.csv")

    assert with_mark.agents == (Agent("é", "É", "Ça va.", ("ü",)),)


def test_lines_may_end_as_on_windows():
    """No carriage return reaches an agent."""
    agents = parse(b"a,A,Does a.,x\r\n", b"b,B,Does b.,y\r\n", header=HEADER[:-1] + b"\r\n")

    assert agents == (Agent("a", "A", "Does a.", ("x",)), Agent("b", "B", "Does b.", ("y",)))


def test_blank_columns_at_the_end_change_nothing():
    """What a spreadsheet leaves behind its last column reaches no agent."""
    agents = parse("a,A,Does a.,x,,", "b,B,Does b.,,,", header=HEADER[:-1] + b",,\n")

    assert agents == (Agent("a", "A", "Does a.", ("x",)), Agent("b", "B", "Does b.", ()))


def test_blank_lines_between_agents_are_passed_over():
    """Room between rows is not an agent."""
    agents = parse("a,A,Does a.,x", "", " , ,,", "b,B,Does b.,y")

    assert [agent.id for agent in agents] == ["a", "b"]


@pytest.mark.parametrize(
    "identifier",
    [
        pytest.param("a", id="one character"),
        pytest.param("i" * 80, id="80 characters"),
        pytest.param("help desk 2", id="with spaces"),
        pytest.param("bücher/日本語", id="letters of the world"),
    ],
)
def test_an_id_is_1_to_80_printable_characters(identifier):
    """Every such id is taken as it is, spaces inside too."""
    (agent,) = parse(f"{identifier},A,Does a.,x")

    assert agent.id == identifier


def test_space_around_an_id_is_trimmed():
    """Spaces at an id's ends do not count."""
    (agent,) = parse("  help desk  ,A,Does a.,x")

    assert agent.id == "help desk"


def test_ids_differ_by_capitals():
    """Two ids that differ in a capital letter are two agents."""
    agents = parse("a,A,Does a.,", "A,A,Does a.,")

    assert [agent.id for agent in agents] == ["a", "A"]


def test_line_breaks_in_a_name_or_description_become_spaces():
    """Cells of several lines are joined to one."""
    (agent,) = parse('a,"Multi\nLine","Does\r\n  a\tlot.",x')

    assert agent.name == "Multi Line"
    assert agent.description == "Does a lot."


def test_a_name_of_200_characters_is_allowed():
    """The longest name arrives whole."""
    (agent,) = parse(f"a,{'n' * 200},Does a.,x")

    assert agent.name == "n" * 200


def test_a_description_of_2000_characters_is_allowed():
    """The longest description arrives whole."""
    (agent,) = parse(f"a,A,{'d' * 2_000},x")

    assert agent.description == "d" * 2_000


def test_a_tag_of_40_characters_is_allowed():
    """The longest tag arrives whole."""
    (agent,) = parse(f"a,A,Does a.,{'t' * 40}")

    assert agent.tags == ("t" * 40,)


def test_an_agent_may_carry_20_tags():
    """Twenty tags are kept in their order."""
    (agent,) = parse("a,A,Does a.,t;s;r;q;p;o;n;m;l;k;j;i;h;g;f;e;d;c;b;a")

    assert "".join(agent.tags) == "tsrqponmlkjihgfedcba"


def test_a_tag_named_twice_counts_once():
    """Tags are told apart without regard to capitals and spaces, the first place counts."""
    (agent,) = parse("a,A,Does a., Data ;sql;DATA;;data ; ")

    assert agent.tags == ("data", "sql")


def test_an_agent_needs_no_tag():
    """An empty cell is no tag."""
    (agent,) = parse("a,A,Does a.,")

    assert agent.tags == ()


@pytest.mark.parametrize(
    "tag",
    [
        pytest.param("release  notes", id="two spaces"),
        pytest.param("release\tnotes", id="a tab"),
        pytest.param('"release\r\nnotes"', id="a line break"),
        pytest.param("release\u00a0notes", id="a no-break space"),
        pytest.param("\u00a0release \u00a0 notes\u00a0", id="no-break spaces and spaces"),
    ],
)
def test_space_inside_a_tag_is_a_single_one(tag):
    """However the words of a tag are parted, it is the same tag."""
    agents = parse(f"a,A,Does a.,{tag}", "b,B,Does b.,release notes")

    assert [agent.tags for agent in agents] == [("release notes",), ("release notes",)]


def test_a_tag_may_have_several_words():
    """Only a semicolon parts tags."""
    (agent,) = parse('a,A,Does a.,"release notes;ci/cd;c, c++"')

    assert agent.tags == ("release notes", "ci/cd", "c, c++")


@pytest.mark.parametrize(
    ("cell", "threshold"),
    [
        pytest.param("", None, id="none"),
        pytest.param("  ", None, id="only spaces"),
        pytest.param("0", 0.0, id="zero is one"),
        pytest.param("-1", -1.0, id="the least"),
        pytest.param("1", 1.0, id="the highest"),
        pytest.param(" 0.35 ", 0.35, id="between spaces"),
        pytest.param("+.5", 0.5, id="with a sign and no zero"),
        pytest.param("-5e-1", -0.5, id="with an exponent"),
    ],
)
def test_an_agents_own_threshold(cell, threshold):
    """A threshold is a number from -1 to 1, and an empty cell is none."""
    (agent,) = parse(f"a,A,Does a.,x,{cell}", header=WITH_THRESHOLD)

    assert agent.threshold == threshold


def test_without_the_threshold_column_nobody_has_one():
    """The column may be left out."""
    (agent,) = parse("a,A,Does a.,x")

    assert agent.threshold is None


@pytest.mark.slow
def test_100000_agents_with_5000_tags_load():
    """The largest registry that is allowed is read whole."""
    lines = [f"agent {number},A,Does a.,tag {number % 5_000}" for number in range(100_000)]

    registry = parse_registry(HEADER + "\n".join(lines).encode(), "agents.csv")

    assert len(registry) == 100_000
    assert len(registry.vocabulary) == 5_000
    assert registry.agents[99_999].id == "agent 99999"


@pytest.mark.slow
def test_one_agent_more_than_100000_is_refused():
    """The first agent beyond the limit is pointed at."""
    lines = [f"{number},A,Does a.," for number in range(100_001)]

    with pytest.raises(RegistryError) as complaint:
        parse_registry(HEADER + "\n".join(lines).encode(), "agents.csv")

    assert str(complaint.value) == (
        "agents.csv, line 100002, column 1 (id): a registry may have 100,000 agents, remove some."
    )


def test_one_tag_more_than_5000_is_refused():
    """The first row with a tag beyond the limit is pointed at."""
    lines = [
        f"{number},A,Does a.,{';'.join(f't{20 * number + tag}' for tag in range(20))}"
        for number in range(250)
    ]
    lines.append("last,A,Does a.,t1;one more")

    with pytest.raises(RegistryError) as complaint:
        parse_registry(HEADER + "\n".join(lines).encode(), "agents.csv")

    assert str(complaint.value) == (
        "agents.csv, line 252, column 4 (tags): a registry may have 5,000 different tags, "
        "use fewer."
    )


def test_the_projects_own_registry_loads(root):
    """The agents that come with the project are ten, each with a tag."""
    registry = load_registry(root / "agents.csv")

    assert len(registry) == 10
    assert all(agent.tags for agent in registry.agents)
