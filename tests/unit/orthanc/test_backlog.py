from orthanc.backlog import Backlog


def test_the_cursor_is_the_position_when_nothing_is_open() -> None:
    assert Backlog().cursor(7) == 7


def test_the_cursor_stays_before_what_is_announced_or_unfinished() -> None:
    backlog = Backlog()
    backlog.announce("instance", 5)
    backlog.postpone("study", 3)

    assert backlog.cursor(9) == 2
    backlog.finish("study")
    assert backlog.cursor(9) == 4
    backlog.drop(["instance", "another"])
    assert backlog.cursor(9) == 9


def test_the_first_announcement_counts() -> None:
    backlog = Backlog()
    backlog.announce("instance", 5)
    backlog.announce("instance", 8)

    assert backlog.cursor(9) == 4


def test_an_instance_is_overdue_when_it_was_there_at_the_last_look() -> None:
    backlog = Backlog()
    backlog.announce("first", 1)
    assert backlog.overdue() == ()
    backlog.announce("second", 2)
    assert backlog.overdue() == (("first", 1),)
    backlog.drop(["first"])
    assert backlog.overdue() == (("second", 2),)


def test_clear_forgets_all() -> None:
    backlog = Backlog()
    backlog.announce("instance", 1)
    backlog.postpone("study", 2)
    backlog.clear()

    assert backlog.cursor(9) == 9
    assert backlog.unfinished == ()
