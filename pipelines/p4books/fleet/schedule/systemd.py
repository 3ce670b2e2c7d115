"""Schedule for systemd: a service and a timer for each command, and a service that mails failures.

Quoting: systemd.syntax(7) and systemd.service(5), Command lines; `%` begins a specifier.
"""

import re
from datetime import timedelta

from p4books.errors import UsageError
from p4books.fleet.schedule.plan import HARMLESS_CODES, WATCH_EVERY, ScheduleFile, SchedulePlan
from p4books.settings.duration import format_duration

LEAST = timedelta(minutes=1)
MAX_DELAY = timedelta(minutes=5)  # by which runs of many machines are spread
_THROUGH_SHELL = '/bin/sh -c "exec \\"$$0\\" \\"$$@\\""'
_PLAIN = re.compile(r"[\w-]+", re.ASCII)

_SERVICE = """\
# /etc/systemd/system/{unit}.service
# Output: journalctl -u {unit}. A run that meets another one ends with 75: no failure.
[Unit]
Description={title}
Wants=network-online.target
After=network-online.target
OnFailure={name}-failure.service

[Service]
Type=oneshot
User={user}
WorkingDirectory={folder}
Environment=LANG=C.UTF-8
{environment}ExecStart={command}
SuccessExitStatus={codes}
"""
_TIMER = """\
# /etc/systemd/system/{unit}.timer
[Unit]
Description={title}, every {every}

[Timer]
OnActiveSec={first}
OnUnitActiveSec={seconds}s
RandomizedDelaySec={delay}s
AccuracySec=1s

[Install]
WantedBy=timers.target
"""
_FAILURE = """\
# /etc/systemd/system/{name}-failure.service
# Mails what the service printed, with the sendmail of this machine.
[Unit]
Description=Mail about a failed run of {name}

[Service]
Type=oneshot
ExecStart=/bin/sh -c "{{ echo 'To: {mail_to}'; echo 'Subject: {name} failed on %H'; echo; \\
    journalctl --no-pager --lines 40 {units}; }} | sendmail -t"
"""
_INSTALL = """\
# {name}: install as root, then enable:
#   {again} --kind systemd -o /etc/systemd/system
#   systemctl daemon-reload && systemctl enable --now {timers}
# Printed to a terminal, the files follow each other; -o FOLDER writes each into its own.
{interval_note}"""


def format_units(plan: SchedulePlan) -> list[ScheduleFile]:
    """Format the units, the explanation in the first. Raises UsageError about the interval."""
    if plan.every < LEAST:
        raise UsageError("A schedule of systemd cannot run more often than every 1m.")
    commands = {plan.name: "sync", **({f"{plan.name}-watch": "watch"} if plan.watches else {})}
    files = []
    for unit, command in commands.items():
        files += _format_pair(plan, unit, command)
    units = " ".join(f"-u {unit}.service" for unit in commands)
    failure = _FAILURE.format(name=plan.name, mail_to=plan.mail_to or "root", units=units)
    files.append(ScheduleFile(f"{plan.name}-failure.service", failure))
    timers = " ".join(f"{unit}.timer" for unit in commands)
    install = _INSTALL.format(
        name=plan.name, again=plan.again, timers=timers, interval_note=plan.interval_note
    )
    first, *others = files
    return [ScheduleFile(first.name, install + first.text), *others]


def _format_pair(plan: SchedulePlan, unit: str, command: str) -> list[ScheduleFile]:
    every = plan.every if command == "sync" else WATCH_EVERY
    delay = min(every / 10, MAX_DELAY)
    values = {
        "unit": unit,
        "name": plan.name,
        "title": f"p4books {' '.join([command, *plan.options])}",
        "codes": " ".join(map(str, HARMLESS_CODES[command])),
        "user": plan.user,
        "folder": _escape_specifiers(str(plan.folder)),
        "environment": "".join(
            f"Environment={_quote(f'{name}={value}')}\n" for name, value in plan.environment.items()
        ),
        "command": _format_command(plan, command),
        "every": format_duration(every),
        "first": "1min" if command == "sync" else "10min",
        "seconds": int(every.total_seconds()),
        "delay": int(delay.total_seconds()),
    }
    return [
        ScheduleFile(f"{unit}.service", _SERVICE.format(**values)),
        ScheduleFile(f"{unit}.timer", _TIMER.format(**values)),
    ]


def _format_command(plan: SchedulePlan, command: str) -> str:
    """Format a command; systemd refuses a program with quotes in its path, but sh does not."""
    program, words = str(plan.program), [command, *plan.options]
    if set(program) & set("'\"\\"):
        return " ".join([_THROUGH_SHELL, *map(_quote_argument, [program, *words])])
    return " ".join([_quote(program), *map(_quote_argument, words)])


def _escape_specifiers(text: str) -> str:
    return text.replace("%", "%%")


def _quote(text: str) -> str:
    """Quote a text in which `$` is nothing special: the path of a program, an assignment."""
    escaped = _escape_specifiers(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _quote_argument(text: str) -> str:
    """Quote an argument of a command if need be; `$` would begin a variable."""
    return text if _PLAIN.fullmatch(text) else _quote(text).replace("$", "$$")
