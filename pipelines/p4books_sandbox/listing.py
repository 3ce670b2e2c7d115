"""What is answered to who asks for a page?"""

from collections.abc import Callable

from p4books_sandbox import answers
from p4books_sandbox.answers import Answer
from p4books_sandbox.options import Options
from p4books_sandbox.paging import Asked, last_page, rows_of
from p4books_sandbox.records import RecordList

Rows = list[bytes]

_TOTALS: dict[str, Callable[[int, Rows], bytes]] = {
    "list": lambda total, _: b',"total":%d' % total,
    "page": lambda _, rows: b',"total":%d' % len(rows),
    "null": lambda _, __: b',"total":null',
    "missing": lambda _, __: b"",
}
_ECHOES: dict[str, Callable[[int, int], bytes]] = {
    "given": lambda given, _: b',"page":%d' % given,
    "asked": lambda _, asked: b',"page":%d' % asked,
    "missing": lambda _, __: b"",
}


def listing(options: Options) -> Callable[[RecordList, Asked], Answer]:
    """Make what answers for any list, the server's ways being what they are."""
    tell_total, tell_page = _TOTALS[options.total], _ECHOES[options.echo]
    first = int(options.first_page)

    def page(books: RecordList, asked: Asked) -> Answer:
        if options.over_cap == "refused" and (asked.page_size or 0) > options.page_size_cap:
            return _too_many(options)
        number, size = _taken(asked, options)
        rows, total = books.page(*rows_of(number, size))
        if not rows and number > 1 and options.past_end == "404":
            return answers.error(404, "not_found", f"There is no page {asked.page}.")
        if not rows and number > 1 and options.past_end == "last":
            number = last_page(total, size)
            rows, total = books.page(*rows_of(number, size))
        told = tell_total(total, rows), tell_page(number + first - 1, asked.page)
        return Answer(200, b'{"data":[%b]%b%b}' % (b",".join(rows), *told))

    return page


def _taken(asked: Asked, options: Options) -> tuple[int, int]:
    """Give the page, counted from 1, and the size that the server takes for what was asked."""
    size = None if options.ignores_page_size else asked.page_size
    if options.over_cap == "default" and size and size > options.page_size_cap:
        size = None
    number = 1 if options.ignores_page else asked.page - int(options.first_page) + 1
    return number, min(size or options.page_size, options.page_size_cap)


def _too_many(options: Options) -> Answer:
    name, most = options.page_size_parameter, options.page_size_cap
    return answers.not_valid(f"{name} must be {most} or less.", parameter=name)
