"""Schedule for cron: lines of a crontab."""

import shlex
from datetime import timedelta

from p4books.errors import UsageError
from p4books.fleet.schedule.interval import check_interval, format_cron
from p4books.fleet.schedule.plan import HARMLESS_CODES, WATCH_EVERY, ScheduleFile, SchedulePlan

LEAST = timedelta(minutes=1)
WATCH_APART = 7  # minutes, as a rule, from a sync that runs as often
MAX_COMMAND = 998  # characters that Debian's cron reads of a command
PATH = "/usr/local/bin:/usr/bin:/bin"

_HEAD = """\
# {name}, for the crontab of the user who owns {folder}:
#   (crontab -l; {again} --kind cron) | crontab -
# The output goes to the log of the system, `journalctl -t {name}`, which is rotated. Cron mails
# what a run printed only if it fails, to the owner of the crontab, or to MAILTO; a run that meets
# another one (exit code 75) is no failure. Cron sets HOME; nothing else of your shell is there.
{interval_note}"""


def format_crontab(plan: SchedulePlan) -> list[ScheduleFile]:
    """Format the lines of a crontab. Raises UsageError about the interval, or too long a path."""
    check_interval(plan.every, "cron", LEAST)
    head = _HEAD.format(
        name=plan.name, folder=plan.folder, again=plan.again, interval_note=plan.interval_note
    )
    mail = [f"MAILTO={plan.mail_to}\n"] if plan.mail_to else []
    lines = [_format_line(plan, "sync", format_cron(plan.every, plan.seed))]
    if plan.watches:
        apart = format_cron(WATCH_EVERY, plan.seed + WATCH_APART)
        lines.append(_format_line(plan, "watch", apart))
    return [ScheduleFile(plan.name, "".join([head, *mail, *lines]))]


def _format_line(plan: SchedulePlan, command: str, times: str) -> str:
    line = f"{times} {_build_script(plan, command)}\n"
    if len(line) > MAX_COMMAND:
        raise UsageError(
            f"The line for cron has {len(line)} characters, and cron reads {MAX_COMMAND}, because "
            "the paths are long. Use --kind systemd, or a folder with a shorter path."
        )
    return line


def _build_script(plan: SchedulePlan, command: str) -> str:
    """Build a script of one line, for sh: run, log, and print only what failed.

    A percent sign is `\\%` outside of quotes: some crons take the backslash off and others leave it
    to the shell, which does so there. Nothing else may have a backslash.
    """
    variables = {"PATH": PATH, "LANG": "C.UTF-8", **plan.environment}
    assign = " ".join(f"{name}={_quote(value)}" for name, value in variables.items())
    run = " ".join(map(_quote, [str(plan.program), command, *plan.options]))
    codes = "|".join(map(str, (0, *HARMLESS_CODES[command])))
    return (
        f"cd {_quote(str(plan.folder))} || exit; export {assign}; "
        f'out=$({run} 2>&1); code=$?; printf \\%s "$out" | logger -t {plan.name} 2>/dev/null; '
        f'case $code in {codes}) ;; *) printf \\%s "$out"; echo; '
        f'echo "{plan.name}: {command} ended with $code";; esac'
    )


def _quote(word: str) -> str:
    """Quote a word for sh and for cron. Raises UsageError if it has a backslash."""
    if "\\" in word:
        raise UsageError(
            f"{word} has a backslash, which a crontab cannot have. Use --kind systemd."
        )
    return "\\%".join(shlex.quote(part) if part else "" for part in word.split("%"))
