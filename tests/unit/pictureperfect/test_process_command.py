"""Every file gets a folder of its own for its renditions."""

from pathlib import Path

from pictureperfect.commands.files.process import labelled


def test_renditions_lie_in_a_folder_named_by_the_stem() -> None:
    assert labelled([Path("a/cat.jpg"), Path("dog.png")]) == [(Path("a/cat.jpg"), "cat"), (Path("dog.png"), "dog")]


def test_files_of_the_same_stem_do_not_overwrite_each_other_on_any_file_system() -> None:
    files = [Path("a/cat.jpg"), Path("b/CAT.JPG"), Path("cat.png"), Path("a/cat.jpg"), Path("cat.jpg-2")]
    labels = [label for _, label in labelled(files)]
    assert labels[0] == "cat.jpg"
    assert len({label.casefold() for label in labels}) == len(files)
