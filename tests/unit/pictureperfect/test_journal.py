"""The journal of `pictureperfect process` has an answer for finished work, and for nothing else."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictureperfect.files.journal import NAME, Answer, FolderInUse, Journal, Work

WORK = Work(
    file="/photos/ünï.jpg", size=100, mtime_ns=5, label="ünï", pipeline="web", digest="abc", bounds="512 MB, 60 s"
)


def finish(folder: Path, work: Work, *names: str) -> Answer:
    """Write renditions and return their answer."""
    renditions = []
    for name in names:
        path = folder / work.label / f"{name}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(name.encode())
        renditions.append({"name": name, "path": str(path), "bytes": len(name)})
    return {"status": "processed", "renditions": renditions}


def changed(work: Work, **fields: Any) -> Work:
    return msgspec.structs.replace(work, **fields)


def test_an_answer_is_the_same_when_the_journal_is_opened_again(tmp_path: Path) -> None:
    answer = finish(tmp_path, WORK, "small", "large")
    with Journal(tmp_path) as journal:
        assert journal.answer(WORK) is None
        journal.add(WORK, answer)
        assert journal.answer(WORK) == answer
    with Journal(tmp_path) as journal:
        assert journal.answer(WORK) == answer


def test_the_folder_may_be_moved(tmp_path: Path) -> None:
    before = tmp_path / "before"
    before.mkdir()
    with Journal(before) as journal:
        journal.add(WORK, finish(before, WORK, "small"))
    after = before.rename(tmp_path / "after")
    with Journal(after) as journal:
        answer = journal.answer(WORK)
    assert answer
    assert answer["renditions"][0]["path"] == str(after / "ünï" / "small.jpg")


@pytest.mark.parametrize(
    "fields", [{"size": 101}, {"mtime_ns": 6}, {"digest": "abd"}, {"file": "/other"}, {"label": "x"}, {"pipeline": "x"}]
)
def test_changed_work_has_no_answer(fields: dict[str, Any], tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.add(WORK, finish(tmp_path, WORK, "small"))
        assert journal.answer(changed(WORK, **fields)) is None


def test_other_bounds_matter_to_failures_alone(tmp_path: Path) -> None:
    other = changed(WORK, file="/photos/b.jpg", label="b")
    with Journal(tmp_path) as journal:
        journal.add(WORK, finish(tmp_path, WORK, "small"))
        journal.add(other, {"status": "failed", "renditions": []})
        assert journal.answer(other)
        assert journal.answer(changed(WORK, bounds="1024 MB, 60 s"))
        assert journal.answer(changed(other, bounds="1024 MB, 60 s")) is None


def test_renditions_that_are_gone_cut_short_or_overwritten_by_another_are_done_again(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.add(WORK, finish(tmp_path, WORK, "small"))
        path = tmp_path / "ünï" / "small.jpg"
        path.write_bytes(b"")
        assert journal.answer(WORK) is None
        path.unlink()
        assert journal.answer(WORK) is None
        journal.add(WORK, finish(tmp_path, WORK, "small"))
        assert journal.answer(WORK)
        twin = changed(WORK, file="/elsewhere/ünï.jpg")
        journal.add(twin, finish(tmp_path, twin, "small"))
        assert journal.answer(WORK) is None
    with Journal(tmp_path) as journal:
        assert journal.answer(WORK) is None
        assert journal.answer(twin)


def test_renditions_of_an_earlier_answer_are_deleted_unless_another_work_has_written_them_since(tmp_path: Path) -> None:
    other = changed(WORK, pipeline="thumbnail")
    with Journal(tmp_path) as journal:
        journal.add(WORK, finish(tmp_path, WORK, "small", "large", "huge"))
        journal.add(other, finish(tmp_path, other, "large"))
        journal.add(changed(WORK, digest="new"), finish(tmp_path, WORK, "small"))
        assert sorted(path.name for path in (tmp_path / "ünï").iterdir()) == ["large.jpg", "small.jpg"]
        journal.add(changed(other, size=1), {"status": "failed", "renditions": []})
        journal.add(changed(WORK, size=1), {"status": "failed", "renditions": []})
    assert not (tmp_path / "ünï").exists()


def test_forgotten_work_has_no_answer_and_its_old_renditions_are_still_deleted(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.add(WORK, finish(tmp_path, WORK, "small", "large"))
        journal.forget([WORK, changed(WORK, file="/never/seen.jpg")])
        assert journal.answer(WORK) is None
    with Journal(tmp_path) as journal:
        assert journal.answer(WORK) is None
        journal.add(WORK, finish(tmp_path, WORK, "small"))
        assert not (tmp_path / "ünï" / "large.jpg").exists()
        assert journal.answer(WORK)


def test_a_second_process_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    with Journal(tmp_path), pytest.raises(FolderInUse):
        Journal(tmp_path)
    Journal(tmp_path).__exit__()


def test_superseded_lines_do_not_pile_up(tmp_path: Path) -> None:
    for size in range(4):
        with Journal(tmp_path) as journal:
            journal.add(changed(WORK, size=size), {"status": "failed", "renditions": []})
    Journal(tmp_path).__exit__()
    assert len((tmp_path / NAME).read_bytes().splitlines()) == 1


@given(st.data())
def test_after_any_cut_complete_lines_count_and_more_can_be_added(data: st.DataObject) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        works = [changed(WORK, file=f"/{number}", label=str(number)) for number in range(4)]
        with Journal(folder) as journal:
            for work in works[:3]:
                journal.add(work, finish(folder, work, "small"))
        content = (folder / NAME).read_bytes()
        cut = data.draw(st.integers(0, len(content)))
        rubbish = data.draw(st.sampled_from([b"", b"\x00\xff", b'{"work": 1}\n', b"[]", b'"text"\nnull']))
        (folder / NAME).write_bytes(content[:cut] + rubbish)
        with Journal(folder) as journal:
            known = [journal.answer(work) is not None for work in works[:3]]
            # A line that lacks only its line break is complete too, unless rubbish follows it.
            complete = content[:cut].count(b"\n") + (not rubbish and content[cut : cut + 1] == b"\n")
            assert known == [number < complete for number in range(3)]
            journal.add(works[3], finish(folder, works[3], "small"))
        with Journal(folder) as journal:
            assert [journal.answer(work) is not None for work in works] == [*known, True]
        assert all(json.loads(line) for line in (folder / NAME).read_bytes().splitlines())


def test_entries_with_an_incomplete_answer_are_ignored(tmp_path: Path) -> None:
    entry = {"work": msgspec.to_builtins(WORK), "answer": {"status": "processed", "renditions": [{"name": "x"}]}}
    (tmp_path / NAME).write_text(json.dumps(entry) + "\n")
    with Journal(tmp_path) as journal:
        assert journal.answer(WORK) is None
