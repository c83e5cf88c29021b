"""`arena account`, `arena token` and `arena audit`: who may do what on a server of this ledger, and who did."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from arena.cli.options import Db, Json

if TYPE_CHECKING:
    from arena.accounts import Scope

SCOPES = "read, play, submit, run, admin"

app = typer.Typer(help="Accounts of a server of this ledger.", no_args_is_help=True)
tokens = typer.Typer(help="Tokens, by which programs prove an account.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="An account's name.")]
ScopeOption = Annotated[str, typer.Option("--scope", help=f"What it may do: {SCOPES}; each includes those before it.")]


@app.command("add")
def add_command(
    name: Name,
    scope: ScopeOption = "submit",
    admin: Annotated[bool, typer.Option("--admin", help="The same as --scope admin.")] = False,
    db: Db = None,
) -> None:
    """Make an account. Its password is asked for, or read from a pipe."""
    from arena.accounts import Scope, add_account
    from arena.cli.output import say
    from arena.ledger import Ledger

    with Ledger.open(db) as ledger:
        made = add_account(ledger, name, _password(), Scope.ADMIN if admin else _scope(scope))
    say(f"{made.name} may {made.scope.value}")


@app.command("list")
def list_command(db: Db = None, json: Json = False) -> None:
    """List all accounts and what they may do."""
    from arena.accounts import all_accounts
    from arena.cli.output import say_json, table
    from arena.ledger import Ledger

    with Ledger.open(db, create=False, read_only=True) as ledger:
        found = all_accounts(ledger)
    if json:
        say_json([dataclasses.asdict(one) for one in found])
        return
    rows = [(one.name, one.scope.value, "disabled" if one.disabled else "", one.created_at[:16]) for one in found]
    table(["account", "may", "", "made"], rows)


@app.command("change")
def change_command(
    name: Name,
    scope: Annotated[str | None, typer.Option("--scope", help=f"What it may do from now on: {SCOPES}.")] = None,
    password: Annotated[bool, typer.Option("--password", help="Ask for a new password; its sessions end.")] = False,
    disable: Annotated[bool, typer.Option("--disable", help="Shut it: its sessions and tokens end.")] = False,
    enable: Annotated[bool, typer.Option("--enable", help="Open it again.")] = False,
    db: Db = None,
) -> None:
    """Change what an account may do, its password, or whether it is open."""
    from arena import accounts
    from arena.games import SpecificationError
    from arena.ledger import Ledger

    if (disable and enable) or not (scope or password or disable or enable):
        raise SpecificationError("say what to change: --scope, --password, and either --disable or --enable")
    with Ledger.open(db, create=False) as ledger:
        whose = accounts.account(ledger, name)
        if scope:
            accounts.change_scope(ledger, whose, _scope(scope))
        if password:
            accounts.change_password(ledger, whose, _password())
        if disable:
            accounts.disable(ledger, whose)
        if enable:
            accounts.enable(ledger, whose)


@app.command("invite")
def invite_command(
    scope: ScopeOption = "submit",
    days: Annotated[float, typer.Option("--days", help="How long it holds.")] = 7,
    db: Db = None,
) -> None:
    """Print an invitation: what stands after /sign-up?invitation= of the server's address. One person makes one account with it."""
    from arena.credentials import DAY_S, issue
    from arena.ledger import Ledger

    with Ledger.open(db, create=False) as ledger:
        _show_once(issue(ledger, "invitation", None, scope=_scope(scope), seconds=days * DAY_S).text)


@tokens.command("new")
def new_token_command(
    name: Name,
    scope: ScopeOption = "run",
    days: Annotated[float, typer.Option("--days", help="How long it holds.")] = 90,
    label: Annotated[str, typer.Option("--for", help="What it is for.")] = "",
    db: Db = None,
) -> None:
    """Print a new token of an account. It is shown once, and may do no more than its account."""
    from arena.accounts import account
    from arena.credentials import DAY_S, issue
    from arena.ledger import Ledger

    with Ledger.open(db, create=False) as ledger:
        made = issue(ledger, "token", account(ledger, name), name=label, scope=_scope(scope), seconds=days * DAY_S)
    _show_once(made.text)


@tokens.command("list")
def list_tokens_command(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only of this account.")] = None,
    db: Db = None,
    json: Json = False,
) -> None:
    """List tokens: whose they are, what they may do, until when, when they were used last."""
    from arena.accounts import account
    from arena.cli.output import say_json, table
    from arena.credentials import all_credentials
    from arena.ledger import Ledger

    with Ledger.open(db, create=False, read_only=True) as ledger:
        found = all_credentials(ledger, kind="token", whose=account(ledger, name) if name else None)
    if json:
        say_json([dataclasses.asdict(one) for one in found])
        return
    table(
        ["token", "account", "for", "may", "state", "ends", "last used"],
        [
            (
                one.prefix,
                one.account or "",
                one.name,
                one.scope.value,
                one.state,
                one.expires_at[:16],
                (one.used_at or "never")[:16],
            )
            for one in found
        ],
    )


@tokens.command("revoke")
def revoke_command(
    token: Annotated[
        str, typer.Argument(metavar="TOKEN", help="What stands between arena_ and the secret, or all of it.")
    ],
    db: Db = None,
) -> None:
    """End a token now."""
    from arena.credentials import end, prefix_of
    from arena.ledger import Ledger

    with Ledger.open(db, create=False) as ledger:
        end(ledger, prefix_of(token))


def audit_command(
    account: Annotated[str | None, typer.Option("--account", help="Only of this account.")] = None,
    most: Annotated[int, typer.Option("--most", min=1, max=100_000, help="How many, the newest.")] = 50,
    db: Db = None,
    json: Json = False,
) -> None:
    """List who wrote what through a server of this ledger, or tried to sign in, and how it ended."""
    from arena.audit import entries
    from arena.cli.output import say_json, table
    from arena.ledger import Ledger

    with Ledger.open(db, create=False, read_only=True) as ledger:
        found = entries(ledger, most=most, account=account)
    if json:
        say_json([dataclasses.asdict(one) for one in found])
        return
    table(
        ["when", "who", "from", "what", "outcome"],
        [
            (
                one.at[:19],
                one.account or "",
                one.address,
                f"{one.action}  {one.subject}",
                one.outcome,
            )
            for one in found
        ],
    )


def _scope(text: str) -> Scope:
    from arena.accounts import Scope
    from arena.games import UnknownName

    try:
        return Scope(text)
    except ValueError:
        raise UnknownName("scope", text, [one.value for one in Scope]) from None


def _password() -> str:
    """Typed twice at a terminal, unseen; else the first line of what is piped in."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\n")


def _show_once(text: str) -> None:
    from arena.cli.output import say

    say(text)
    sys.stderr.write("it is not shown again; keep it as a password\n")
