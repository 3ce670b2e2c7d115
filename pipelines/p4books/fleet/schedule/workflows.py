"""Schedules for the CI of GitHub and GitLab, which keep the folder of the files between runs.

A cache may be lost. A run that finds no files would begin the history again, so scheduled runs end
with an error then (`sync --existing`); the first run, or a new beginning, is started by hand.
"""

import json
from datetime import timedelta
from importlib.metadata import version

from p4books.fleet.schedule.interval import check_interval, format_cron
from p4books.fleet.schedule.plan import ScheduleFile, SchedulePlan

LEAST = timedelta(minutes=5)  # of GitHub
PREFIX = "SOURCES__P4BOOKS__"

_GITHUB = """\
# .github/workflows/{name}.yml
# {again} --kind github -o .github/workflows/{name}.yml
# 1. Settings > Secrets and variables > Actions: add {secret}{secret_content}.
# 2. Actions > {name} > Run workflow, with `first`: the first copy.
# After that, every run continues from the cache. If the cache is lost (GitHub removes one that was
# not used for 7 days), the runs fail until `first` begins a new history, or a backup is restored.
# GitHub mails whoever changed the schedule last if a run fails. An overlap (75) is no failure.
# If no package index of the CI has p4books, put the path of a wheel in this repository, or
# git+https://… instead of {package}.
{interval_note}name: {name}
on:
  schedule:
    - cron: "{cron}" # UTC; GitHub starts late in busy minutes such as :00
  workflow_dispatch:
    inputs:
      first:
        description: First run, or a new beginning, without the files of an earlier run
        type: boolean
        default: false
permissions:
  contents: read
concurrency:
  group: {name}
  cancel-in-progress: false
jobs:
  sync:
    runs-on: ubuntu-latest
    timeout-minutes: 60
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: pip install {package}
      - uses: actions/cache/restore@v4
        with:
          path: {data}
          key: {name}-data-${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}
          restore-keys: {name}-data-
{secrets_step}      - name: Sync
        run: p4books sync{options} ${{{{ inputs.first && ' ' || '--existing' }}}} || [ $? -eq 75 ]
{env}      - uses: actions/cache/save@v4
        if: {has_runs}
        with:
          path: {data}
          key: {name}-data-${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}
      - uses: actions/upload-artifact@v4
        if: {has_files}
        with:
          name: books
          path: {published}
          retention-days: 7
"""
_GITHUB_SECRETS = """\
      - name: Settings
        run: mkdir -p .dlt && printenv SECRETS > .dlt/secrets.toml
        env:
          SECRETS: ${{ secrets.P4BOOKS_SECRETS }}
"""
_GITLAB = """\
# .gitlab-ci.yml
# {again} --kind gitlab -o .gitlab-ci.yml
# 1. Settings > CI/CD > Variables: add {secret}{secret_content}{protected}.
# 2. Build > Pipelines > New pipeline, with the variable FIRST=1: the first copy.
# 3. Build > Pipeline schedules: {cron}
# After that, every run continues from the cache. If the cache is lost, the runs fail until FIRST=1
# begins a new history, or a backup is restored. The runners must share their cache, or be one.
# GitLab mails the owner of the schedule if a run fails. An overlap (75) is no failure.
# If no package index of the CI has p4books, put the path of a wheel in this repository, or
# git+https://… instead of {package}.
{interval_note}{name}:
  image: python:3.12
  rules:
    - if: $CI_PIPELINE_SOURCE == "schedule" || $CI_PIPELINE_SOURCE == "web"
  resource_group: {name}
  timeout: 1 hour
{variables}  cache:
    key: {name}-data
    paths:
      - {data}
    when: always
  script:
    - pip install {package}
    - if [ -n "$FIRST" ]; then existing=; else existing=--existing; fi
    - p4books sync{options} $existing || [ $? -eq 75 ]
  artifacts:
    when: always
    paths:
      - {published}
    expire_in: 1 week
"""


def format_github(plan: SchedulePlan) -> list[ScheduleFile]:
    """Format a workflow of GitHub Actions. Raises UsageError about the interval."""
    check_interval(plan.every, "GitHub", LEAST)
    is_single = len(plan.tenants) == 1
    env = {
        f"{PREFIX}TENANT": _yaml(plan.tenants[0]),
        f"{PREFIX}API_KEY": "${{ secrets.P4BOOKS_API_KEY }}",
    }
    lines = "".join(f"          {name}: {value}\n" for name, value in env.items())
    text = _GITHUB.format(
        **_common(plan),
        secrets_step="" if is_single else _GITHUB_SECRETS,
        env=f"        env:\n{lines}" if is_single else "",
    )
    return [ScheduleFile(f"{plan.name}.yml", text)]


def format_gitlab(plan: SchedulePlan) -> list[ScheduleFile]:
    """Format a job of GitLab CI. Raises UsageError about the interval."""
    check_interval(plan.every, "GitLab", LEAST)
    variables = f"  variables:\n    {PREFIX}TENANT: {_yaml(plan.tenants[0])}\n"
    is_single = len(plan.tenants) == 1
    text = _GITLAB.format(
        **_common(plan, f"{PREFIX}API_KEY"),
        variables=variables if is_single else "",
        protected=", masked" if is_single else ": a variable of type File, protected",
    )
    if not is_single:
        copy = '    - mkdir -p .dlt && cp "$P4BOOKS_SECRETS" .dlt/secrets.toml\n'
        text = text.replace("    - if [ -n", f"{copy}    - if [ -n")
    return [ScheduleFile(".gitlab-ci.yml", text)]


def _common(plan: SchedulePlan, key: str = "P4BOOKS_API_KEY") -> dict[str, str]:
    is_single = len(plan.tenants) == 1
    return {
        "name": plan.name,
        "again": plan.again,
        "interval_note": plan.interval_note,
        "cron": format_cron(plan.every, plan.seed),
        "package": f"p4books=={version('p4books')}",
        "secret": key if is_single else "P4BOOKS_SECRETS",
        "secret_content": "" if is_single else ", a file like .dlt/secrets.toml",
        "options": "".join(f" {each}" for each in plan.options),
        "data": _yaml(plan.data),
        "has_runs": _format_condition(f"{plan.data}/.private/*/runs.sqlite"),
        "has_files": _format_condition(f"{plan.data}/*.duckdb"),
        "published": _yaml(f"{plan.data}/*.duckdb"),
    }


def _yaml(text: str) -> str:
    """Write a text as a scalar of YAML, of which JSON is a part."""
    return json.dumps(text, ensure_ascii=False)


def _format_condition(pattern: str) -> str:
    """Write a condition of GitHub Actions: whatever happened before, there are such files."""
    literal = "'" + pattern.replace("'", "''") + "'"
    return _yaml(f"always() && hashFiles({literal}) != ''")
