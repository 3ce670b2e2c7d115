"""Settings `backup_to` and `backup_keep`: where backups are, which of them are kept."""

import re
from dataclasses import dataclass, fields

_RULE = re.compile(r"(\d{1,5}) ([a-z]+)")


@dataclass(frozen=True)
class KeepRules:
    """How many backups are kept: the newest, and the last one of each of the last days and so on.

    Only days, weeks and months that have a backup count, so that a pause deletes nothing.
    """

    newest: int = 3
    daily: int = 7
    weekly: int = 4
    monthly: int = 60


def parse_keep_rules(value: object) -> object:
    """Parse `3 newest, 7 daily, 4 weekly, 60 monthly`; a rule that is left out keeps none.

    Raises ValueError.
    """
    if not isinstance(value, str):
        return value
    names = [rule.name for rule in fields(KeepRules)]
    rules = dict.fromkeys(names, 0)
    for part in value.lower().split(","):
        match = _RULE.fullmatch(part.strip())
        if match is None or match[2] not in names:
            raise ValueError("it must be like `3 newest, 7 daily, 4 weekly, 60 monthly`")
        rules[match[2]] = int(match[1])
    if not rules["newest"]:
        raise ValueError("at least `1 newest` must be kept")
    return KeepRules(**rules)
