"""Every file has a place of its own among the outputs."""

from pathlib import Path

from pictureperfect.commands.files.process import labelled


def test_a_file_s_renditions_lie_under_its_stem() -> None:
    assert labelled([Path("a/cat.jpg"), Path("dog.png")]) == [(Path("a/cat.jpg"), "cat"), (Path("dog.png"), "dog")]


def test_files_of_the_same_stem_do_not_overwrite_each_other_on_any_file_system() -> None:
    files = [Path("a/cat.jpg"), Path("b/CAT.JPG"), Path("cat.png"), Path("a/cat.jpg"), Path("cat.jpg-2")]
    labels = [label for _, label in labelled(files)]
    assert labels[0] == "cat.jpg"
    assert len({label.casefold() for label in labels}) == len(files)
