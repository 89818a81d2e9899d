"""HTML."""

from cleanplate.evaluation.pages import Cell, embedded, notes, table


def test_a_tables_names_and_values_are_text_and_never_markup() -> None:
    text = table(["<a>", "camelCase", "PTZ"], [["<b>", "<c>", Cell("<d>", True)]], caption="<e>")
    assert "camel<wbr>Case" in text
    assert ">PTZ<" in text
    for letter in "abcde":
        assert f"<{letter}>" not in text
        assert f"&lt;{letter}&gt;" in text
    assert '<td class="number best">&lt;d&gt;</td>' in text
    assert "<li>1 &lt; 2</li>" in notes(["1 < 2"])


def test_the_means_below_a_table_are_set_off() -> None:
    text = table(["s", "a"], [["x", "1"], ["mean", "2"]], caption="c", means=1)
    assert text.count('class="mean"') == 1
    assert text.index('class="mean"') > text.index(">x<")


def test_a_picture_is_held_by_its_page_and_described() -> None:
    text = embedded(b"\x89PNG...", "<one>", 'what "it" shows', 300)
    assert 'src="data:image/png;base64,iVBORy4uLg=="' in text
    assert 'alt="what &quot;it&quot; shows"' in text
    assert "&lt;one&gt;" in text
    assert "data:image/jpeg" in embedded(b"\xff\xd8", "c", "a", 1)
