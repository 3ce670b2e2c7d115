"""What has arrived?"""

from p4books_sandbox.faults import Arrival, Log, kept


def test_arrivals_keep_their_order() -> None:
    """A request stands where it arrived, whenever it is answered."""
    log = Log()
    slow = log.arrive(Arrival("GET", "invoices", 1, None, 1.0))
    quick = log.arrive(Arrival("GET", "products", 1, None, 2.0))

    log.answered(quick, 200)
    log.answered(slow, 503)

    assert [(each.endpoint, each.status) for each in log.arrivals()] == [
        ("invoices", 503),
        ("products", 200),
    ]


def test_no_answer_yet() -> None:
    """A request without an answer has no status."""
    log = Log()
    log.arrive(Arrival("GET", "invoices", 1, None, 1.0))

    assert log.arrivals()[0].status is None


def test_the_log_is_a_copy() -> None:
    """What was read of the log does not change while requests arrive."""
    log = Log()
    before = log.arrivals()
    log.arrive(Arrival("GET", "invoices", 1, None, 1.0))

    assert (before, len(log)) == ([], 1)


def test_the_key_is_not_kept() -> None:
    """Headers are kept, but never the one with the key."""
    headers = [(b"authorization", b"Bearer secret"), (b"user-agent", b"us")]

    assert kept(headers) == {"user-agent": "us"}
