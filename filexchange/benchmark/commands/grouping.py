"""A command that has commands of its own, and is one itself."""

from typing import Any

from typer.core import TyperGroup


def with_default(name: str) -> type[TyperGroup]:
    """Return a group of commands that runs the one called `name` where no other is named."""

    class Group(TyperGroup):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            if not args or args[0] not in self.commands:
                args = [name, *args]
            return super().parse_args(ctx, args)

    return Group
